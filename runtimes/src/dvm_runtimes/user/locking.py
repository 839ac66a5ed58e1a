"""A lock between processes, released when its holder ends, with a time limit for the wait."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

TIMEOUT = 10.0
"""Seconds. Locks are held for far less than one."""


@contextlib.contextmanager
def locked(file: Path, timeout: float = TIMEOUT) -> Iterator[None]:
    """Hold an exclusive lock on the file within the block, against other processes and threads.

    The file is kept: a new file of the same name would be a second lock.

    Raises:
        OSError: the file cannot be created.
        TimeoutError: another process held the lock for ``timeout`` seconds.
    """
    with file.open("a+b") as held:
        _lock(held.fileno(), timeout)
        yield


if sys.platform == "win32":

    def _lock(number: int, timeout: float) -> None:
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_LOCK, 1)

else:

    def _lock(number: int, timeout: float) -> None:
        import fcntl
        import threading

        # flock(2) has no time limit. A thread that is left behind releases the
        # lock as soon as it gets it, since the file is closed by then.
        waiting = threading.Thread(target=fcntl.flock, args=(number, fcntl.LOCK_EX), name="dvm-lock", daemon=True)
        waiting.start()
        waiting.join(timeout)
        if waiting.is_alive():
            raise TimeoutError(f"another process has held its lock for {timeout:.0f} s")
