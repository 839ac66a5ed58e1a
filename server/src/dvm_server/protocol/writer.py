"""`Writer`: the queue of messages to the client and the thread that writes it.

A client that stops reading blocks only that thread.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable

FULL = 16 * 1024 * 1024
"""Bytes in the queue above which no further requests are handled."""

GIVE_UP = 128 * 1024 * 1024
"""Bytes in the queue above which the client is disconnected."""

_PIECE = 1024 * 1024
_ATOMIC = 4096 if sys.platform == "win32" else min(4096, select.PIPE_BUF)
"""Bytes that a writable pipe takes without blocking; see pipe(7)."""


class Writer:
    """Writes to a descriptor, in order, without blocking its callers.

    Args:
        descriptor: closed by `close`.
        on_broken: called once, from any thread, with the reason when writing has failed.
    """

    def __init__(self, descriptor: int, on_broken: Callable[[str], object]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._queue: deque[bytes] = deque()
        self._waiting = 0
        self._condition = threading.Condition()
        self._closing = False
        self._broken = False
        self._on_room: list[Callable[[], object]] = []
        if sys.platform != "win32":
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLOUT)
        self._thread = threading.Thread(target=self._run, name="dvm-writer", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Queue ``data`` without blocking; dropped after `close` or a failure."""
        with self._condition:
            if self._closing or self._broken:
                return
            if not self._waiting and len(data) <= _ATOMIC and self._write_at_once(data):
                return
            self._queue.append(data)
            self._waiting += len(data)
            too_much = self._waiting > GIVE_UP
            self._condition.notify()
        if too_much:
            self._break(f"the client left {GIVE_UP} bytes unread")

    @property
    def full(self) -> bool:
        """Whether the queue is longer than `FULL`."""
        return self._waiting > FULL

    def wait_for_room(self, seconds: float) -> bool:
        """Wait until the queue is no longer full, at most ``seconds``; whether it is so."""
        with self._condition:
            return self._condition.wait_for(lambda: not self.full or self._broken or self._closing, seconds)

    def when_room(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once, from any thread, when the queue is no longer full or writing has failed."""
        with self._condition:
            if self.full and not self._broken:
                self._on_room.append(callback)
                return
        callback()

    def close(self, seconds: float) -> bool:
        """Write the queue for at most ``seconds`` and end; whether all of it was written."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            return False
        return not self._waiting

    def _write_at_once(self, data: bytes) -> bool:
        """Write a small message without the thread if that does not block; whether it was written or queued."""
        if sys.platform == "win32" or self._poll.poll(0) != [(self._descriptor, select.POLLOUT)]:
            return False
        try:
            written = os.write(self._descriptor, data)
        except OSError:
            return False  # the thread gets the same error and handles it
        if written < len(data):
            self._queue.append(data[written:])
            self._waiting += len(data) - written
            self._condition.notify()
        return True

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue:
                    if self._closing or self._broken:
                        os.close(self._descriptor)
                        return
                    self._condition.wait()
                pieces = [self._queue.popleft()]
                size = len(pieces[0])
                while self._queue and size < _PIECE:
                    pieces.append(self._queue.popleft())
                    size += len(pieces[-1])
            try:
                self._write(b"".join(pieces) if len(pieces) > 1 else pieces[0])
            except OSError as error:
                self._break(f"writing to the client failed: {error.strerror}")
                continue
            with self._condition:
                self._waiting -= size
                waiting = self._take_waiting() if not self.full else []
            for callback in waiting:
                callback()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _take_waiting(self) -> list[Callable[[], object]]:
        self._condition.notify_all()
        waiting, self._on_room = self._on_room, []
        return waiting

    def _break(self, reason: str) -> None:
        with self._condition:
            if self._broken:
                return
            self._broken = True
            self._queue.clear()
            waiting = self._take_waiting()
        for callback in waiting:
            callback()
        self._on_broken(reason)
