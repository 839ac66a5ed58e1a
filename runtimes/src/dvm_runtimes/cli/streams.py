"""The three standard streams, in whatever state this process was given them."""

from __future__ import annotations

import os
import sys


def open_missing_streams() -> None:
    """Give a standard stream that the caller closed a place to go.

    Otherwise the next file or socket that is opened gets its number, and
    output meant for the user goes into that.
    """
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(fd)
            continue  # Windows without a console: open, but not for us
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
        if opened != fd:
            os.dup2(opened, fd)
            os.close(opened)
        stream = os.fdopen(fd, "r" if fd == 0 else "w", encoding="utf-8", closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def silence_stdout() -> None:
    """Nobody reads it any more: let what is still in its buffer go nowhere, without a word."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass  # not a real stream


def real_streams() -> bool:
    """Whether standard input and output are still this process's own, and no stand-ins of a caller in Python."""
    return sys.stdin is sys.__stdin__ and sys.stdout is sys.__stdout__


def is_terminal(name: str) -> bool:
    """Whether ``stdin``, ``stdout`` or ``stderr`` is a terminal."""
    stream = getattr(sys, name)
    return bool(stream is not None and stream.isatty())


def draws(name: str) -> bool:
    """Whether ``stdout`` or ``stderr`` is a terminal that understands more than lines."""
    return is_terminal(name) and os.environ.get("TERM", "") not in ("", "dumb")


def coloured(name: str) -> bool:
    """Whether colour may be used there: https://no-color.org."""
    return draws(name) and not os.environ.get("NO_COLOR")
