"""The event stream of the mock."""

from __future__ import annotations

import threading
from collections import deque

from dvm_runtimes.engines.base import EngineEvent, EventStream
from dvm_runtimes.errors import DvmError


class MockEventStream(EventStream):
    """Every event since it was opened."""

    def __init__(self, lock: threading.RLock) -> None:
        self._condition = threading.Condition(lock)
        self._waiting: deque[EngineEvent] = deque()
        self._broken: DvmError | None = None
        self._closed = False

    @property
    def over(self) -> bool:
        """Nothing more can come from it."""
        return self._closed or self._broken is not None

    def publish(self, event: EngineEvent) -> None:
        """One more event."""
        with self._condition:
            self._waiting.append(event)
            self._condition.notify_all()

    def break_off(self, error: DvmError) -> None:
        """The connection is lost: what has arrived can still be read."""
        with self._condition:
            self._broken = self._broken or error
            self._condition.notify_all()

    def next(self) -> EngineEvent | None:
        with self._condition:
            self._condition.wait_for(lambda: self._closed or bool(self._waiting) or self._broken is not None)
            if self._closed:
                return None
            if self._waiting:
                return self._waiting.popleft()
            assert self._broken is not None
            raise self._broken

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
