"""The end of the client's process, noticed even while somebody else keeps its pipes open."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import Callable

_INTERVAL = 0.25
"""Seconds between two looks where the system has no way to tell."""


def watch(pid: int, on_end: Callable[[], object]) -> Callable[[], None]:
    """Call ``on_end`` on the running loop once the process has ended; returns what stops the watch.

    A number that is no process of this machine's is not watched: the client
    may run in another container or on another machine.
    """
    if pid <= 0 or not _exists(pid):
        return _nothing
    loop = asyncio.get_running_loop()
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return _poll(loop, pid, on_end)  # a kernel or a sandbox without it

        def ended() -> None:
            stop()
            on_end()

        def stop() -> None:
            nonlocal descriptor
            if descriptor >= 0:
                loop.remove_reader(descriptor)
                os.close(descriptor)
                descriptor = -1

        loop.add_reader(descriptor, ended)
        return stop
    return _poll(loop, pid, on_end)


def _poll(loop: asyncio.AbstractEventLoop, pid: int, on_end: Callable[[], object]) -> Callable[[], None]:
    timer: asyncio.TimerHandle | None = None

    def look() -> None:
        nonlocal timer
        if _exists(pid):
            timer = loop.call_later(_INTERVAL, look)
        else:
            on_end()

    look()
    return lambda: timer.cancel() if timer is not None else None


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill would end it there; the end of standard input has to do
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has collected it yet: for us it is gone."""
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    finally:
        os.close(descriptor)


def _nothing() -> None:
    pass
