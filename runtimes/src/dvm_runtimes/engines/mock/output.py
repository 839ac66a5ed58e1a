"""What a command writes, on its way to whoever runs it: both streams in one order, bounded."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from dvm_runtimes.errors import DvmError

from .handles import OpenFile

if TYPE_CHECKING:
    from .processes import Process

CAPACITY = 1024 * 1024
"""Bytes that wait for the reader; beyond them the command waits."""

LINGER = 2.0
"""Seconds that output is still awaited from what a command left in the background, as Docker does it."""


class Output:
    """The output of one exec session."""

    def __init__(self, lock: threading.RLock) -> None:
        self.condition = threading.Condition(lock)
        self._pieces: deque[tuple[int, bytearray]] = deque()
        self._waiting = 0
        self._writers = 0
        self._ended_at: float | None = None
        self._dropped = False
        self._broken: DvmError | None = None

    def writer(self, stream: int) -> OpenFile:
        """A file whose bytes arrive as ``stream``."""
        with self.condition:
            self._writers += 1

        def write(process: Process, data: bytes) -> None:
            process.block(self.condition, self.has_room)
            self.add(stream, data)

        return OpenFile(write=write, close=self._writer_closed)

    def has_room(self) -> bool:
        """Whether a writer need not wait; the lock is held."""
        return self._waiting < CAPACITY or self._dropped

    def add(self, stream: int, data: bytes) -> None:
        """Let ``data`` wait for the reader."""
        with self.condition:
            if self._dropped or not data:
                return
            if self._pieces and self._pieces[-1][0] == stream and len(self._pieces[-1][1]) < 65536:
                self._pieces[-1][1].extend(data)
            else:
                self._pieces.append((stream, bytearray(data)))
            self._waiting += len(data)
            self.condition.notify_all()

    def _writer_closed(self) -> None:
        """One writer less."""
        with self.condition:
            self._writers -= 1
            self.condition.notify_all()

    def end(self, *, at_once: bool = False) -> None:
        """The command has ended; what it left behind may write for a little while, or not at all."""
        with self.condition:
            if self._ended_at is None or at_once:
                self._ended_at = time.monotonic() - (LINGER if at_once else 0.0)
            self.condition.notify_all()

    def drop(self) -> None:
        """Nobody reads any more: forget what comes."""
        with self.condition:
            self._dropped = True
            self._pieces.clear()
            self._waiting = 0
            self.condition.notify_all()

    def break_off(self, error: DvmError) -> None:
        """Let every read raise ``error`` from now on."""
        with self.condition:
            self._broken = self._broken or error
            self.condition.notify_all()

    def read(self) -> tuple[int, bytes] | None:
        """The next piece; None at the end."""
        with self.condition:
            while True:
                if self._broken is not None:
                    raise self._broken
                if self._pieces:
                    stream, data = self._pieces.popleft()
                    self._waiting -= len(data)
                    self.condition.notify_all()
                    return stream, bytes(data)
                if self._dropped:
                    return None
                seconds = None
                if self._ended_at is not None:
                    seconds = self._ended_at + LINGER - time.monotonic()
                    if self._writers <= 0 or seconds <= 0:
                        return None
                self.condition.wait(seconds)
