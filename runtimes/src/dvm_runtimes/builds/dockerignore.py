"""Which files of a build context are left out: the rules of ``.dockerignore``, as moby has them.

The SDK's own matcher walks differently from moby's on ``**``, on classes and
on exceptions below a folder that is left out, so this is written anew from
the documented rules.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path


class Ignore:
    """The rules of one file.

    Args:
        lines: its lines.

    >>> rules = Ignore(["node_modules", "*.log", "!keep.log"])
    >>> rules.leaves_out("node_modules/a.js"), rules.leaves_out("keep.log")
    (True, False)
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line)) is not None]
        self.has_exceptions = any(not leaves_out for leaves_out, _ in self._rules)
        """Whether something below a folder that is left out may be wanted all the same."""

    @classmethod
    def of(cls, file: Path) -> Ignore:
        """The rules of a ``.dockerignore``; none if there is no such file."""
        try:
            text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
        except FileNotFoundError:
            return cls([])
        return cls(text.splitlines())

    def leaves_out(self, path: str) -> bool:
        """Whether ``path``, relative and with slashes, is left out: the last rule that matches decides.

        A rule that matches a folder matches all that is in it.
        """
        parts = path.split("/")
        whole = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        out = False
        for leaves_out, pattern in self._rules:
            if leaves_out != out and any(pattern.fullmatch(prefix) for prefix in whole):
                out = leaves_out
        return out


def _rule(line: str) -> tuple[bool, re.Pattern[str]] | None:
    # A hash begins a comment only in the first column.
    if line.startswith("#"):
        return None
    text = line.strip()
    leaves_out = not text.startswith("!")
    text = text if leaves_out else text[1:].strip()
    if not text:
        return None
    text = posixpath.normpath(text).lstrip("/")
    if text in ("", "."):
        return None
    return leaves_out, re.compile(_expression(text), re.DOTALL)


def _expression(pattern: str) -> str:
    """A Go ``filepath.Match`` pattern, with ``**`` for any number of folders, as a regular expression."""
    result = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                at += 1
                result.append("(?:.*/)?")
            else:
                result.append(".*")
            continue
        if character == "*":
            result.append("[^/]*")
        elif character == "?":
            result.append("[^/]")
        elif character == "[" and (end := _class_end(pattern, at)):
            result.append(_class(pattern[at + 1 : end]))
            at = end
        elif character == "\\" and at + 1 < len(pattern):
            at += 1
            result.append(re.escape(pattern[at]))
        else:
            result.append(re.escape(character))
        at += 1
    return "".join(result)


def _class_end(pattern: str, start: int) -> int:
    at = start + 1
    if pattern[at : at + 1] == "^":
        at += 1
    first = at
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "]" and at > first:
            return at
        at += 1
    return 0


def _class(content: str) -> str:
    negated = content.startswith("^")
    body = content[1:] if negated else content
    escaped = re.sub(r"\\(.)|([\[\]&~|])", lambda found: re.escape(found.group(1) or found.group(2)), body)
    return f"[^/{escaped}]" if negated else f"[{escaped}]"
