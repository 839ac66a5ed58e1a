"""Everything that goes to the client: one queue, one thread that writes it.

A client that stops reading blocks that thread and nobody else.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

FULL = 16 * 1024 * 1024
"""Bytes waiting for the client from which on no more of its requests are read."""

GIVE_UP = 128 * 1024 * 1024
"""Bytes waiting for the client at which it is taken for dead."""

_PIECE = 1024 * 1024


class Writer:
    """Writes to one descriptor, in order, without blocking its callers.

    Args:
        descriptor: where to write; closed by `close`.
        on_broken: called once, from any thread, when the client can no longer be written to.
    """

    def __init__(self, descriptor: int, on_broken: Callable[[str], object]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._queue: deque[bytes] = deque()
        self._waiting = 0
        self._condition = threading.Condition()
        self._closing = False
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="dvm-writer", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Queue ``data``; never blocks. After the end it is dropped."""
        with self._condition:
            if self._closing or self._broken:
                return
            self._queue.append(data)
            self._waiting += len(data)
            too_much = self._waiting > GIVE_UP
            self._condition.notify()
        if too_much:
            self._break(f"the client left {GIVE_UP} bytes unread")

    @property
    def full(self) -> bool:
        """Whether the client is far behind with reading."""
        return self._waiting > FULL

    def wait_for_room(self, seconds: float) -> bool:
        """Wait until the client has caught up, at most so long; whether it has."""
        with self._condition:
            return self._condition.wait_for(lambda: not self.full or self._broken, seconds)

    def close(self, seconds: float) -> bool:
        """Write what is queued, for at most so long, and end; whether all of it was written."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            return False
        return not self._waiting

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue:
                    if self._closing:
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
                os.close(self._descriptor)
                self._break(f"the client cannot be written to: {error.strerror}")
                return
            with self._condition:
                self._waiting -= size
                if not self.full:
                    self._condition.notify_all()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _break(self, reason: str) -> None:
        with self._condition:
            if self._broken:
                return
            self._broken = True
            self._queue.clear()
            self._condition.notify_all()
        self._on_broken(reason)
