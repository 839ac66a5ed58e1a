"""One call to an engine: its time limit, its cancel event, and how it is cut short.

Blocking reads cannot wait for a ``threading.Event``. So whoever blocks says
how to unblock it (``with op.aborting(sock_shutdown): ...``), and one watchdog
thread of this process calls that when the time is up or the event is set.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from .errors import DvmError, OperationCancelledError, OperationTimeoutError

QUICK = 30.0
"""Seconds: the default limit of calls that an engine answers at once."""
SLOW = 120.0
"""Seconds: the default limit of copying and of a start, whose pull it does not count."""
LONG = 1800.0
"""Seconds: the default limit of builds and pulls."""

Result = TypeVar("Result")

_EVENT_POLL = 0.02
"""Seconds between looks at a plain ``threading.Event``, which has no way to call back."""


class AbortedError(OperationCancelledError):
    """What waited was aborted: by its operation, whose own error then replaces this one, or by another thread."""


class CancelToken(threading.Event):
    """A cancel event that acts at once instead of within 20 ms.

    Use it wherever a method takes ``cancel``:

    >>> token = CancelToken()
    >>> token.is_set()
    False
    """

    def __init__(self) -> None:
        super().__init__()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._callback_lock = threading.Lock()

    def set(self) -> None:
        super().set()
        with self._callback_lock:
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    def _subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        with self._callback_lock:
            if not self.is_set():
                number = next(self._numbers)
                self._callbacks[number] = callback
                return lambda: self._unsubscribe(number)
        callback()
        return lambda: None

    def _unsubscribe(self, number: int) -> None:
        with self._callback_lock:
            self._callbacks.pop(number, None)


class Operation:
    """The limits of one call, passed down to everything that the call does.

    Args:
        name: the public method, as in ``"start_workspace"``; it names errors.
        timeout: seconds that the whole call may take; None for no limit.
        cancel: set by the caller to stop the call; a `CancelToken` acts fastest.
        platform: the human name of the platform, for errors.

    Used as a context manager. An exception that leaves the block after the
    limit passed becomes `OperationTimeoutError` or `OperationCancelledError`,
    with the exception as its cause.
    """

    def __init__(
        self,
        name: str,
        *,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
        platform: str = "",
    ) -> None:
        self.name = name
        self.platform = platform
        self.timeout = timeout
        self.cancel = cancel
        self.step = ""
        """What the call is doing now, for the text of a time-out: ``"pulling alpine:3.20"``."""
        self.late_hint = "Give a larger timeout, or run `dvm doctor` to see whether the engine answers."
        """What to do when the time is up."""
        self.deadline = None if timeout is None else time.monotonic() + max(0.0, timeout)
        self._lock = threading.RLock()
        self._aborts: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._reason: str | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._entered = False

    def __enter__(self) -> Self:
        self._entered = True
        if isinstance(self.cancel, CancelToken):
            self._unsubscribe = self.cancel._subscribe(lambda: self._abort("cancelled"))
        elif self.cancel is not None and self.cancel.is_set():
            self._abort("cancelled")
        if self.deadline is not None and self.deadline <= time.monotonic():
            # Without any time nothing is begun, however fast it might be.
            self._abort("timeout")
        self._watch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._entered = False
        self._unsubscribe()
        _watchdog.discard(self)
        if isinstance(error, DvmError):
            # What was raised far below may not know which call it belongs to.
            error.operation = error.operation or self.name
            error.platform = error.platform or self.platform
        if isinstance(error, Exception) and self._reason is not None:
            if isinstance(error, OperationTimeoutError | OperationCancelledError) and type(error) is not AbortedError:
                return
            raise self.abort_error(error) from error

    @property
    def aborted(self) -> bool:
        """Whether the limit has passed or the cancel event was seen."""
        return self._reason is not None

    def remaining(self) -> float | None:
        """Seconds left, never negative; None without a limit."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """The time spent in the block does not count; an operation of its own limits it."""
        began = time.monotonic()
        _watchdog.discard(self)
        try:
            yield
        finally:
            if self.deadline is not None:
                self.deadline += time.monotonic() - began
            self._watch()

    def _watch(self) -> None:
        if self.deadline is not None or (self.cancel is not None and not isinstance(self.cancel, CancelToken)):
            _watchdog.add(self)

    def check(self) -> None:
        """Raise if the call has to end; for loops that do not block."""
        if self._reason is None:
            if self.cancel is not None and self.cancel.is_set():
                self._abort("cancelled")
            elif self.deadline is not None and time.monotonic() >= self.deadline:
                self._abort("timeout")
        if self._reason is not None:
            raise self.abort_error()

    def wait(self, event: threading.Event, seconds: float | None = None) -> bool:
        """Wait for ``event``, at most ``seconds``; whether it was set.

        ``event`` must belong to the caller alone: it is also set when the call
        has to end, and then the typed error is raised.
        """
        with self.aborting(event.set):
            done = event.wait(seconds)
        if self._reason is not None:
            raise self.abort_error()
        return done

    def run(self, function: Callable[[], Result], discard: Callable[[Result], object] | None = None) -> Result:
        """Call ``function``, which cannot be interrupted, on a daemon thread, and return its result.

        When this call must end first, the typed error is raised at once. The thread is left behind, and ``discard``
        is called with a late result.
        """
        from concurrent.futures import Future  # slow to load, and few calls need it

        future: Future[Result] = Future()
        done = threading.Event()

        def work() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - raised again for the caller
                future.set_exception(error)
            done.set()

        self.check()
        threading.Thread(target=work, name=f"dvm-{self.name}", daemon=True).start()
        try:
            self.wait(done)
        except DvmError:
            if discard is not None:
                future.add_done_callback(lambda late: late.exception() or discard(late.result()))
            raise
        return future.result()

    @contextmanager
    def aborting(self, abort: Callable[[], None]) -> Iterator[None]:
        """Within the block, ``abort`` is called (from another thread, once) when the call must end.

        ``abort`` must not block and must make the block's own waiting end:
        shut a socket down, kill a child, set an event.
        """
        with self._lock:
            already = self._reason is not None
            number = next(self._numbers)
            if not already:
                self._aborts[number] = abort
        if already:
            raise self.abort_error()
        try:
            yield
        finally:
            # Under the lock: once this returns, the callback is not running
            # and never will, so the socket's number may be used again.
            with self._lock:
                self._aborts.pop(number, None)

    def abort_error(self, cause: BaseException | None = None) -> DvmError:
        """The typed error for the way in which this call was cut short."""
        facts: dict[str, Any] = {"platform": self.platform, "operation": self.name}
        if isinstance(cause, DvmError):
            # Not its message: a connection that this call's end has cut looks like an engine that went away.
            facts["logs"] = cause.logs
        doing = f" while {self.step}" if self.step else ""
        if self._reason == "timeout":
            return OperationTimeoutError(
                f"{self.name} did not finish within {self.timeout:g} s{doing}",
                hint=self.late_hint,
                **facts,
            )
        return OperationCancelledError(f"{self.name} was cancelled{doing}", **facts)

    def _abort(self, reason: str) -> None:
        with self._lock:
            if self._reason is None:
                self._reason = reason
                aborts = list(self._aborts.values())
                self._aborts.clear()
                for abort in aborts:
                    abort()

    def _due(self, now: float) -> str | None:
        if self.cancel is not None and self.cancel.is_set():
            return "cancelled"
        return "timeout" if self.deadline is not None and now >= self.deadline else None


class _Watchdog:
    """The thread that ends operations; it lives while there are any, and 5 s longer."""

    _IDLE = 5.0

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):  # threads do not survive a fork
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Operation]] = []
        self._live: set[int] = set()
        self._polled: dict[int, Operation] = {}
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._wakes = 0.0

    def add(self, operation: Operation) -> None:
        polled = operation.cancel is not None and not isinstance(operation.cancel, CancelToken)
        with self._condition:
            self._live.add(id(operation))
            if operation.deadline is not None:
                heapq.heappush(self._heap, (operation.deadline, next(self._numbers), operation))
            if polled:
                self._polled[id(operation)] = operation
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dvm-watchdog", daemon=True)
                self._thread.start()
            elif polled or (operation.deadline is not None and operation.deadline < self._wakes):
                self._condition.notify()

    def discard(self, operation: Operation) -> None:
        with self._condition:
            self._live.discard(id(operation))
            self._polled.pop(id(operation), None)
            if len(self._heap) > 64 and len(self._heap) > 4 * len(self._live):
                self._heap = [entry for entry in self._heap if id(entry[2]) in self._live]
                heapq.heapify(self._heap)

    def _run(self) -> None:
        while True:
            due: list[tuple[Operation, str]] = []
            with self._condition:
                now = time.monotonic()
                for operation in list(self._polled.values()):
                    if reason := operation._due(now):
                        due.append((operation, reason))
                        del self._polled[id(operation)]
                while self._heap and (self._heap[0][0] <= now or id(self._heap[0][2]) not in self._live):
                    _, _, operation = heapq.heappop(self._heap)
                    if id(operation) in self._live and (operation.deadline or 0.0) <= now:
                        due.append((operation, "timeout"))
                if not due:
                    if self._polled:
                        wait = _EVENT_POLL
                    elif self._heap:
                        wait = self._heap[0][0] - now
                    else:
                        wait = self._IDLE
                    self._wakes = now + wait
                    notified = self._condition.wait(wait)
                    if not notified and not self._heap and not self._polled:
                        self._thread = None
                        return
            for operation, reason in due:
                operation._abort(reason)


_watchdog = _Watchdog()
