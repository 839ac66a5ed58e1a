"""Which files of a build context a ``.dockerignore`` leaves out.

The rules are those of github.com/moby/patternmatcher: Go's ``filepath.Match``
for each part of a path, ``**`` for any number of them, ``!`` for exceptions;
what is below a match is matched too, and the last rule that matches decides.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

_PART = re.compile(r"\*\*/?|\*|\?|\[\^?(?:\\.|[^\]\\])+\]|\\.|.", re.DOTALL)


class IgnoreRules:
    """The rules of one file.

    Args:
        text: the file's content.

    >>> rules = IgnoreRules("*.log\\n!keep.log\\nbuild\\n")
    >>> [rules.ignores(path) for path in ("a.log", "keep.log", "build/out/app", "src/a.log")]
    [True, False, True, False]
    """

    def __init__(self, text: str = "") -> None:
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for line in text.lstrip("\ufeff").splitlines():
            pattern = line.strip()
            if not pattern or line.startswith("#"):
                continue
            exception = pattern.startswith("!")
            if exception:
                pattern = pattern[1:].strip()
            pattern = posixpath.normpath(pattern).lstrip("/") if pattern else ""
            if pattern not in ("", "."):
                self._rules.append((exception, re.compile(_expression(pattern))))

    @classmethod
    def of(cls, context: Path) -> IgnoreRules:
        """The rules of a folder's own ``.dockerignore``; none if it has no such file."""
        try:
            return cls((context / ".dockerignore").read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return cls()

    @property
    def has_exceptions(self) -> bool:
        """Whether something below an ignored folder may be wanted all the same."""
        return any(exception for exception, _ in self._rules)

    def ignores(self, path: str) -> bool:
        """Whether the file or folder at ``path`` (relative, with slashes) is left out."""
        ignored = False
        for exception, expression in self._rules:
            if ignored is exception and expression.fullmatch(path):
                ignored = not exception
        return ignored


def _expression(pattern: str) -> str:
    parts = []
    for part in _PART.findall(pattern):
        if part == "**/":
            parts.append("(?:.*/)?")
        elif part == "**":
            parts.append(".*")
        elif part == "*":
            parts.append("[^/]*")
        elif part == "?":
            parts.append("[^/]")
        elif part.startswith("[") and len(part) > 1:
            parts.append(part)
        else:
            parts.append(re.escape(part[1:] if part.startswith("\\") and len(part) > 1 else part))
    # What is below a match is matched too.
    return "".join(parts) + "(?:/.*)?"
