"""Pipes between processes, and from outside into one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .handles import OpenFile

if TYPE_CHECKING:
    from .processes import Process

CAPACITY = 256 * 1024
"""Bytes that wait in a pipe; beyond them the writer waits."""


class Pipe:
    """Bytes on their way from writers to readers, bounded."""

    def __init__(self, lock: threading.RLock) -> None:
        self.condition = threading.Condition(lock)
        self.waiting = bytearray()
        self.written_off = False
        """No writer is left: after what waits comes the end."""
        self.unread = False
        """No reader is left."""

    def reader(self) -> OpenFile:
        """The end that is read."""
        return _Reader(self)

    def writer(self) -> OpenFile:
        """The end that is written."""
        return _Writer(self)

    def close_writing(self) -> None:
        """Nothing more will come."""
        with self.condition:
            self.written_off = True
            self.condition.notify_all()

    def close_reading(self) -> None:
        """Nobody will read what comes."""
        with self.condition:
            self.unread = True
            self.waiting.clear()
            self.condition.notify_all()

    def has_room(self) -> bool:
        """Whether a writer need not wait; the lock is held."""
        return len(self.waiting) < CAPACITY or self.unread

    def take(self, size: int) -> bytes:
        """What waits, at most ``size`` bytes; the lock is held."""
        piece = bytes(self.waiting[:size])
        del self.waiting[:size]
        self.condition.notify_all()
        return piece

    def fill(self, data: memoryview) -> int:
        """Let as much of ``data`` wait as there is room for; how much. The lock is held."""
        room = CAPACITY - len(self.waiting)
        self.waiting += data[:room]
        self.condition.notify_all()
        return min(room, len(data))


class _Reader(OpenFile):
    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def read(self, process: Process, size: int) -> bytes:
        pipe = self._pipe
        with pipe.condition:
            process.block(pipe.condition, lambda: bool(pipe.waiting) or pipe.written_off)
            return pipe.take(size)

    def _close(self) -> None:
        self._pipe.close_reading()


class _Writer(OpenFile):
    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def write(self, process: Process, data: bytes) -> None:
        pipe = self._pipe
        view = memoryview(data)
        with pipe.condition:
            while view:
                process.block(pipe.condition, pipe.has_room)
                if pipe.unread:
                    process.broken_pipe()
                view = view[pipe.fill(view) :]

    def _close(self) -> None:
        self._pipe.close_writing()
