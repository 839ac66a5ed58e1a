"""What programs say when something is wrong, and how they read their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process


class Wrong(Exception):
    """The program was called wrongly."""


def fail(process: Process, argv: list[str], message: str, status: int = 1) -> int:
    """Say what is wrong; the exit code."""
    process.say(f"{argv[0].rpartition('/')[2]}: {message}")
    return status


def options(argv: list[str], flags: str, valued: str = "") -> tuple[dict[str, str], list[str]]:
    """The options and the other words.

    Args:
        argv: the program's words.
        flags: letters of options without a value.
        valued: letters of options with one.

    Raises:
        Wrong: an option that is not among them.
    """
    found: dict[str, str] = {}
    words = argv[1:]
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            rest += words
            break
        if len(word) < 2 or not word.startswith("-"):
            rest.append(word)
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                if not letters and not words:
                    raise Wrong(f"option requires an argument -- '{letter}'")
                found[letter] = letters or words.pop(0)
                letters = ""
            elif letter in flags:
                found[letter] = ""
            else:
                raise Wrong(f"unrecognized option '-{letter}'")
    return found, rest


def each(process: Process, argv: list[str], paths: list[str], act: Callable[[str], None]) -> int:
    """Do ``act`` with every path; 1 if any of them could not be done, and why on standard error."""
    status = 0
    for path in paths:
        process.checkpoint()
        try:
            act(path)
        except OSError as error:
            status = fail(process, argv, f"{error.filename or path}: {error.strerror}")
    return status
