"""`Selection`: the runtime in use; one thread finds it, watches it, and finds it again when it was lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dvm_runtimes.errors import DvmError, EngineError, OperationCancelledError, RuntimeUnavailableError
from dvm_runtimes.infos import WorkspaceEvent
from dvm_runtimes.operation import QUICK, CancelToken, Operation

from . import memory

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime
    from dvm_runtimes.workspaces.watching import WorkspaceWatch

_FIRST_RETRY = 0.25
_LONGEST_RETRY = 0.8
"""Seconds between two searches for an engine that is not running; one that is started is found within a second."""
_RETRY_FACTOR = 5
_SLOWEST_RETRY = 30.0
"""Seconds: a search that takes long is repeated after `_RETRY_FACTOR` times as long, at most after this."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of the runtime in use.

    Attributes:
        state: ``connecting``, ``ready`` or ``unavailable``.
        runtime: its public name, as in ``"colima"``; the requested one while no engine was found.
        runtime_type: the code that drives it; empty while unknown.
        platform_name: the name of the product; empty while unknown.
        version: of the engine.
        message: why it is unavailable; empty when it is ready.
        hint: the remedy; empty when it is ready.
    """

    state: str
    runtime: str
    runtime_type: str = ""
    platform_name: str = ""
    version: str = ""
    message: str = ""
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The parameters of ``dvm/runtimeChanged``."""
        return {
            "runtime": self.runtime,
            "state": self.state,
            "hint": self.hint,
            "message": self.message,
            "runtimeType": self.runtime_type,
            "platformName": self.platform_name,
            "version": self.version,
        }


class Listener(Protocol):
    """Receives the changes; called from the thread of the `Selection`."""

    def runtime_changed(self, state: State) -> None:
        """The runtime in use or its state has changed."""

    def watching(self, watch: WorkspaceWatch) -> None:
        """The event stream is connected; after an interruption the missed events come first."""

    def not_watching(self) -> None:
        """The event stream is not connected."""

    def workspace_changed(self, event: WorkspaceEvent) -> None:
        """The engine reported an event."""


class Selection:
    """The runtime that commands use.

    Args:
        which: as for `create_runtime`.
        listener: receives the changes.
    """

    def __init__(self, which: str, listener: Listener) -> None:
        self._which = which
        self._listener = listener
        self._condition = threading.Condition()
        self._runtime: ContainerRuntime | None = None
        self._version = ""
        self._settled = False
        self._users: dict[int, int] = {}
        self._retired: list[ContainerRuntime] = []
        self._error: DvmError | None = None
        self._searches_begun = 0
        self._searches_done = 0
        self._searches_needed = 0
        self._changes = 0
        self._closed = CancelToken()
        self._stop_watch: CancelToken = CancelToken()
        self._state = State("connecting", which)
        self._thread = threading.Thread(target=self._run, name="dvm-engine", daemon=True)

    @property
    def state(self) -> State:
        """The state of the runtime in use."""
        return self._state

    @property
    def requested(self) -> str:
        """The requested runtime, as for `create_runtime`."""
        return self._which

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Close the runtime; no command uses it any more."""
        with self._condition:
            self._closed.set()
            self._stop_watch.set()
            self._condition.notify_all()
        if self._thread.ident is not None:
            self._thread.join(0.5)
        with self._condition:
            runtimes = [*self._retired, *([self._runtime] if self._runtime is not None else [])]
            self._runtime, self._retired = None, []
        for runtime in runtimes:
            with contextlib.suppress(DvmError):  # nobody can do anything about it at the end
                runtime.close()

    def select(self, which: str, cancel: threading.Event, timeout: float | None = None) -> None:
        """Use another runtime from now on; running commands keep theirs until they end.

        Raises:
            DvmError: it is not available; the previous one remains in use.
        """
        runtime, version = create(which, cancel, timeout)
        with self._condition:
            self._which = which
            self._changes += 1
            self._retire(self._runtime)
            self._install(runtime, version)
            self._stop_watch.set()
            self._condition.notify_all()

    @contextlib.contextmanager
    def use(self, cancel: CancelToken, timeout: float | None = None) -> Iterator[ContainerRuntime]:
        """The runtime in use, which stays open within the block; waits while an engine is being looked for.

        Raises:
            DvmError: there is none: the error of the last look.
            OperationCancelledError: ``cancel`` was set meanwhile.
            OperationTimeoutError: ``timeout`` seconds have passed.
        """
        runtime = self._acquire(cancel, timeout)
        try:
            yield runtime
        finally:
            self._release(runtime)

    def _acquire(self, cancel: CancelToken, timeout: float | None) -> ContainerRuntime:
        with Operation("connect", timeout=timeout, cancel=cancel) as op, op.aborting(self._wake), self._condition:
            # A search that began earlier may have missed an engine that was started since. Only the result
            # of the first search counts although it began earlier.
            needed = (
                self._searches_begun
                if self._searches_begun == 1 and not self._searches_done
                else self._searches_begun + 1
            )
            self._searches_needed = max(self._searches_needed, needed)
            self._condition.notify_all()
            # Not before its event stream is connected: the client must be notified of what the command changes.
            while self._runtime is None or not self._settled:
                op.check()
                if self._closed.is_set():
                    raise OperationCancelledError("the server is ending")
                if self._runtime is None and self._searches_done >= needed and self._error is not None:
                    raise _fresh(self._error)
                self._condition.wait()
            runtime = self._runtime
            self._users[id(runtime)] = self._users.get(id(runtime), 0) + 1
            return runtime

    def _release(self, runtime: ContainerRuntime) -> None:
        with self._condition:
            self._users[id(runtime)] -= 1
            unused = not self._users[id(runtime)]
            if unused:
                del self._users[id(runtime)]
            closing = unused and runtime in self._retired
            if closing:
                self._retired.remove(runtime)
        if closing:
            runtime.close()

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify_all()

    # The thread

    def _run(self) -> None:
        pause = _FIRST_RETRY
        while not self._closed.is_set():
            with self._condition:
                runtime, changes, which = self._runtime, self._changes, self._which
            if runtime is None:
                began = time.monotonic()
                if self._search(which, changes):
                    pause = _FIRST_RETRY
                else:
                    cost = min(_RETRY_FACTOR * (time.monotonic() - began), _SLOWEST_RETRY)
                    self._rest(max(pause, cost))
                    pause = min(pause * 2, _LONGEST_RETRY)
                continue
            self._watch(runtime, changes)

    def _search(self, which: str, changes: int) -> bool:
        """Search for the engine once; whether to continue without a pause."""
        with self._condition:
            self._searches_begun += 1
            number = self._searches_begun
        try:
            runtime, version = create(which, self._closed)
        except DvmError as error:
            with self._condition:
                self._searches_done = number
                self._error = error
                self._condition.notify_all()
                if self._changes != changes or self._closed.is_set():
                    return True
            self._set_state(State("unavailable", which, message=error.message, hint=error.hint))
            return False
        with self._condition:
            overtaken = self._changes != changes or self._closed.is_set()
            if not overtaken:
                self._install(runtime, version)
                self._condition.notify_all()
        if overtaken:
            runtime.close()
        return True

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._condition:
            while (
                self._runtime is None
                and not self._closed.is_set()
                and self._searches_needed <= self._searches_done
                and (left := until - time.monotonic()) > 0
            ):
                self._condition.wait(left)

    def _watch(self, runtime: ContainerRuntime, changes: int) -> None:
        """Pass events on until another runtime is selected or this is closed."""
        with self._condition:
            if self._changes != changes or self._closed.is_set():
                return
            stop = self._stop_watch = CancelToken()

        def on_connection(connected: bool, text: str) -> None:
            # The listener is notified first: an old state must not be given as if it were live.
            if connected:
                self._listener.watching(watch)
                self._set_state(_ready(runtime, text))
            else:
                self._listener.not_watching()
                self._set_state(_lost(runtime, text))

        try:
            with runtime.watch_workspaces(on_connection=on_connection, cancel=stop) as watch:
                self._listener.watching(watch)
                self._settle(runtime)
                memory.trim_heap()
                for event in watch:
                    if stop.is_set():
                        break
                    self._listener.workspace_changed(event)
        except OperationCancelledError:
            pass  # another one was selected, or this was closed
        except DvmError as error:
            self._listener.not_watching()
            if isinstance(error, RuntimeUnavailableError):
                self._set_state(_lost(runtime, error.message))
            self._settle(runtime, usable=not isinstance(error, RuntimeUnavailableError))
            with self._condition:
                # It has no event stream, or has ended: commands still ask it directly.
                self._condition.wait_for(stop.is_set, None if not _may_come_back(error) else _LONGEST_RETRY)
        finally:
            self._listener.not_watching()

    def _settle(self, runtime: ContainerRuntime, *, usable: bool = True) -> None:
        """Let commands use it: its event stream is connected, or is known to be missing."""
        if usable:
            self._set_state(_ready(runtime, self._version))
        with self._condition:
            self._settled = self._settled or runtime is self._runtime
            self._condition.notify_all()

    def _install(self, runtime: ContainerRuntime, version: str) -> None:
        self._runtime = runtime
        self._version = version
        self._settled = False
        self._error = None

    def _retire(self, runtime: ContainerRuntime | None) -> None:
        if runtime is None:
            return
        if self._users.get(id(runtime)):
            self._retired.append(runtime)
        else:
            # On a thread of its own: closing may wait for the engine.
            threading.Thread(target=runtime.close, name="dvm-retire", daemon=True).start()

    def _set_state(self, state: State) -> None:
        with self._condition:
            same = self._state == state
            self._state = state
        if not same:
            self._listener.runtime_changed(state)


def create(which: str, cancel: threading.Event, timeout: float | None = None) -> tuple[ContainerRuntime, str]:
    """A runtime, and the version of its engine.

    Raises:
        DvmError: it is not available.
        OperationCancelledError: ``cancel`` was set meanwhile.
        OperationTimeoutError: ``timeout`` seconds have passed.
    """
    from dvm_runtimes.discovery.factory import create_runtime

    with Operation("create_runtime", timeout=timeout, cancel=cancel) as op:
        try:
            runtime = op.run(lambda: create_runtime(which, timeout=timeout), discard=lambda late: late.close())
        except DvmError:
            raise
        except Exception as error:
            # A defect, perhaps of a plugin, must not end the thread that commands wait for.
            problem, hint = f"the search failed with {type(error).__name__}", "`dvm doctor` shows the plugins."
            raise EngineError(problem, hint=hint, detail=str(error)) from error
        try:
            return runtime, runtime.version(timeout=QUICK if timeout is None else op.remaining(), cancel=cancel)
        except BaseException:
            runtime.close()
            raise


def _ready(runtime: ContainerRuntime, version: str) -> State:
    return State("ready", runtime.platform_type, runtime.runtime_type, runtime.platform_name, version)


def _lost(runtime: ContainerRuntime, reason: str) -> State:
    hint = "Start it again, and it is found within a second; `dvm doctor` shows what is wrong."
    return State(
        "unavailable", runtime.platform_type, runtime.runtime_type, runtime.platform_name, message=reason, hint=hint
    )


def _may_come_back(error: DvmError) -> bool:
    return error.kind != "unsupported"


def _fresh(error: DvmError) -> DvmError:
    """A copy: an exception that several threads raise would collect the frames of all."""
    copy = error.__reduce__()
    return copy[0](*copy[1])  # type: ignore[no-any-return]
