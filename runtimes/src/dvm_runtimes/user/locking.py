"""A lock between processes that ends with its holder, however that ends, and whose wait has an end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

TIMEOUT = 10.0
"""Seconds; whoever holds such a lock does so for far less than one."""


@contextlib.contextmanager
def locked(file: Path, timeout: float = TIMEOUT) -> Iterator[None]:
    """Within the block no other process, and no other thread, is in a block of the same file.

    The file stays: one that is removed and made anew would be two locks.

    Raises:
        OSError: it cannot be made.
        TimeoutError: another process has held it for all of ``timeout`` seconds.
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

        # The system call has no time limit of its own. A thread that is left
        # behind drops the lock as soon as it gets it: the file is closed then.
        waiting = threading.Thread(target=fcntl.flock, args=(number, fcntl.LOCK_EX), name="dvm-lock", daemon=True)
        waiting.start()
        waiting.join(timeout)
        if waiting.is_alive():
            raise TimeoutError(f"another process has held its lock for {timeout:.0f} s")
