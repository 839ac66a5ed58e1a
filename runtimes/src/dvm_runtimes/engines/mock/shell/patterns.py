"""Patterns of ``case``, ``${NAME#pattern}`` and file names: ``*``, ``?`` and ``[...]``."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable, Sequence

Piece = tuple[str, bool]
"""Text, and whether it is quoted and so stands for itself."""

_MAGIC = set("*?[")


def has_magic(pieces: Sequence[Piece]) -> bool:
    """Whether anything in it is more than its own text."""
    return any(not quoted and _MAGIC & set(text) for text, quoted in pieces)


def expression(pieces: Sequence[Piece], *, greedy: bool = True) -> re.Pattern[str]:
    """The pattern as a regular expression."""
    return _compiled(tuple(pieces), greedy)


@functools.lru_cache(256)
def _compiled(pieces: tuple[Piece, ...], greedy: bool) -> re.Pattern[str]:
    # One list of characters, so that a bracket may span quoted parts.
    characters = [(character, quoted) for text, quoted in pieces for character in text]
    parts, at = [], 0
    while at < len(characters):
        character, quoted = characters[at]
        at += 1
        if quoted:
            parts.append(re.escape(character))
        elif character == "*":
            parts.append(".*" if greedy else ".*?")
        elif character == "?":
            parts.append(".")
        elif character == "[" and (end := _bracket_end(characters, at)) is not None:
            parts.append(_bracket(characters[at:end]))
            at = end + 1
        else:
            parts.append(re.escape(character))
    return re.compile("".join(parts), re.DOTALL)


def _bracket_end(characters: list[tuple[str, bool]], start: int) -> int | None:
    at = start
    if at < len(characters) and characters[at] in (("!", False), ("^", False)):
        at += 1
    at += 1  # a "]" that comes first stands for itself
    while at < len(characters):
        if characters[at] == ("]", False):
            return at
        at += 1
    return None


def _bracket(inner: list[tuple[str, bool]]) -> str:
    negated = inner[0] in (("!", False), ("^", False))
    body = inner[1:] if negated else inner
    parts = []
    for index, (character, quoted) in enumerate(body):
        is_range = character == "-" and not quoted and 0 < index < len(body) - 1
        parts.append("-" if is_range else re.escape(character))
    return f"[{'^' if negated else ''}{''.join(parts)}]"


def expand(pieces: Sequence[Piece], names: Callable[[str], list[str]], exists: Callable[[str], bool]) -> list[str]:
    """The paths that match, sorted; empty if there are none.

    Args:
        pieces: the pattern.
        names: lists a folder (``""`` for the present one); empty where it cannot.
        exists: whether a path is there.
    """
    components = _components(pieces)
    absolute = bool(pieces) and "".join(text for text, _ in pieces).startswith("/")
    found = ["/" if absolute else ""]
    for index, component in enumerate(components):
        text = "".join(part for part, _ in component)
        last = index == len(components) - 1
        if not has_magic(component):
            found = [posixpath.join(base, text) for base in found]
            found = [path for path in found if exists(path or ".")]
            continue
        matcher = expression(component)
        # Hidden files only match a pattern that begins with a dot itself.
        hidden = text.startswith(".")
        found = [
            posixpath.join(base, name)
            for base in found
            for name in names(base)
            if matcher.fullmatch(name) and (hidden or not name.startswith("."))
        ]
        if not last:
            found = [path for path in found if exists(path + "/.")]
    return sorted(found)


def _components(pieces: Sequence[Piece]) -> list[list[Piece]]:
    components: list[list[Piece]] = [[]]
    for text, quoted in pieces:
        for index, part in enumerate(text.split("/")):
            if index:
                components.append([])
            if part:
                components[-1].append((part, quoted))
    return [component for component in components if component] + ([[("", True)]] if not components[-1] else [])
