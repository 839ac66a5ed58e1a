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
        return OpenFile(self._read, close=self.close_reading)

    def writer(self) -> OpenFile:
        """The end that is written."""
        return OpenFile(write=self._write, close=self.close_writing)

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

    def fill(self, data: memoryview) -> int:
        """Let as much of ``data`` wait as there is room for; how much. The lock is held."""
        room = CAPACITY - len(self.waiting)
        self.waiting += data[:room]
        self.condition.notify_all()
        return min(room, len(data))

    def _read(self, process: Process, size: int) -> bytes:
        with self.condition:
            process.block(self.condition, lambda: bool(self.waiting) or self.written_off)
            piece = bytes(self.waiting[:size])
            del self.waiting[:size]
            self.condition.notify_all()
            return piece

    def _write(self, process: Process, data: bytes) -> None:
        view = memoryview(data)
        with self.condition:
            while view:
                process.block(self.condition, self.has_room)
                if self.unread:
                    process.broken_pipe()
                view = view[self.fill(view) :]
