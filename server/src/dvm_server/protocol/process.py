"""This process and the client's: private standard streams, the client's end, and a forced exit."""

from __future__ import annotations

import asyncio
import io
import os
import select
import sys
import threading
from collections.abc import Callable

_INTERVAL = 0.25
"""Seconds between two checks on systems that cannot report the end of a process."""


def take_stdio() -> tuple[int, int]:
    """Move standard input and output to two private descriptors and return them.

    Afterwards descriptor 0 reads nothing and descriptor 1 is standard error, in this process and in its children, which
    do not inherit the new descriptors. Otherwise a child could read the client's messages, or keep the output open
    after the server's end, and a ``print`` would break the stream.

    Raises:
        OSError: this process was started without standard input or output.
    """
    reading = os.dup(0)
    writing = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        os.dup2(2, 1)
    except OSError:  # started without standard error
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.close(sink)
    if sys.platform == "win32":
        import msvcrt

        # Text mode would turn line feeds into pairs and stop at Ctrl-Z.
        msvcrt.setmode(reading, os.O_BINARY)
        msvcrt.setmode(writing, os.O_BINARY)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The process may end without flushing its buffers.
        sys.stdout.reconfigure(line_buffering=True)
    return reading, writing


def exit_after(seconds: float, code: int) -> None:
    """End this process with ``code`` after ``seconds`` unless it has ended by then."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.name = "dvm-last-resort"
    timer.start()


def watch_process(pid: int, on_end: Callable[[], object]) -> Callable[[], None]:
    """Call ``on_end`` on the running loop when the process ends, even if another process keeps its pipes open.

    A number that is not a process of this machine is ignored: the client may run in another container.

    Args:
        pid: the process.
        on_end: called once.

    Returns:
        A function that stops the watch.
    """
    if pid <= 0 or not _exists(pid):
        return _nothing
    loop = asyncio.get_running_loop()
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return _poll(loop, pid, on_end)  # a kernel or a sandbox without pidfd

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
        return True  # os.kill would end it there; the end of standard input remains as a signal
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and its parent has not waited for it yet."""
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
