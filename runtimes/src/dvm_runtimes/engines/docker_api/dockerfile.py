"""What a Dockerfile asks of its builder, told from its text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*([a-z]+)\s*=\s*(.+?)\s*", re.IGNORECASE)
_HEREDOC = re.compile(r"""(?<![\w<])(?:\d*)<<(-?)(["']?)([A-Za-z_][\w.]*)\2""")
_FLAG = re.compile(r"--([a-z-]+)(?:=\S*)?")

# Flags that came with BuildKit, by instruction.
_NEW_FLAGS = {
    "RUN": {"mount", "network", "security", "device"},
    "COPY": {"link", "parents", "exclude", "chmod"},
    "ADD": {"link", "exclude", "checksum", "keep-git-dir", "chmod", "unpack"},
    "HEALTHCHECK": {"start-interval"},
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        word: in capitals, as in ``"RUN"``.
        rest: what follows, continuation lines joined.
        line: the number of its first line.
        heredoc: whether the lines below belong to it.
    """

    word: str
    rest: str
    line: int
    heredoc: bool = False


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, comments and the content of heredocs left out.

    >>> [one.word for one in instructions("FROM a\\nRUN b \\\\\\n  c\\n")]
    ['FROM', 'RUN']
    """
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines)
    at = 0
    while at < len(lines):
        first = at
        line = lines[at].strip()
        at += 1
        if not line or line.startswith("#"):
            continue
        joined = line
        while joined.endswith(escape) and at < len(lines):
            following = lines[at].strip()
            at += 1
            # Comments and empty lines within a continued instruction are left out.
            if following.startswith("#") or not following:
                continue
            joined = joined[:-1].rstrip() + " " + following
        word, _, rest = joined.partition(" ")
        word = word.upper()
        ends = [name for _, _, name in _HEREDOC.findall(rest)] if word in ("RUN", "COPY", "ADD") else []
        heredoc = bool(ends)
        for end in ends:
            while at < len(lines) and lines[at].strip("\t") != end and lines[at] != end:
                at += 1
            if at >= len(lines):
                heredoc = False  # "<<" of a shell's arithmetic, or a broken file: the builder will say so
            at += 1
        if ends and not heredoc:
            at = first + 1
        yield Instruction(word, rest.strip(), first + 1, heredoc)


def _escape(lines: list[str]) -> str:
    for line in lines:
        found = _DIRECTIVE.fullmatch(line.strip())
        if found is None:
            break
        if found.group(1).lower() == "escape" and found.group(2) in ("`", "\\"):
            return found.group(2)
    return "\\"


def needs_buildkit(text: str) -> list[str]:
    """What only BuildKit can do, as in ``"RUN --mount (line 3)"``; empty when the classic builder is enough."""
    found = []
    for one in instructions(text):
        if one.heredoc:
            found.append(f"a heredoc (line {one.line})")
        for word in one.rest.split():
            flag = _FLAG.fullmatch(word)
            if flag is None:
                break
            if flag.group(1) in _NEW_FLAGS.get(one.word, ()):
                found.append(f"{one.word} --{flag.group(1)} (line {one.line})")
    return list(dict.fromkeys(found))
