"""The standard streams of this process, which may be closed or replaced."""

from __future__ import annotations

import os
import sys


def open_missing_streams() -> None:
    """Open /dev/null in place of standard streams that the caller closed.

    Otherwise the next file or socket to be opened gets their number, and
    output for the user is written to it.
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
    """Redirect stdout to /dev/null after its reader has closed the pipe, so that flushing its buffer succeeds."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass  # not a real stream


def real_streams() -> bool:
    """Whether stdin and stdout are this process's own, not replaced by a caller in Python."""
    return sys.stdin is sys.__stdin__ and sys.stdout is sys.__stdout__


def is_terminal(name: str) -> bool:
    """Whether ``stdin``, ``stdout`` or ``stderr`` is a terminal."""
    stream = getattr(sys, name)
    return bool(stream is not None and stream.isatty())


def draws(name: str) -> bool:
    """Whether ``stdout`` or ``stderr`` is a terminal that understands escape sequences."""
    return is_terminal(name) and os.environ.get("TERM", "") not in ("", "dumb")


def coloured(name: str) -> bool:
    """Whether to write colours to ``stdout`` or ``stderr``; see https://no-color.org."""
    return draws(name) and not os.environ.get("NO_COLOR")
