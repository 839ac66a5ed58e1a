"""`MockRuntime`: the rules of every workspace over the mock engine, and the test's controls of it."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import Operation
from dvm_runtimes.runtime import ContainerRuntime

from .controls import MockControls
from .engine import MockEngine
from .faults import Call, Faults
from .world import World

_worlds: dict[str, World] = {}
_worlds_lock = threading.Lock()


def shared_world(name: str) -> World:
    """The state of the mock engine of that name: one in this process, kept until the process ends."""
    with _worlds_lock:
        return _worlds.setdefault(name, World(name))


class MockRuntime(ContainerRuntime):
    """Workspaces in this process's memory.

    A runtime without a name has an engine of its own, which ends with it.
    Runtimes of one name share one engine, whose containers live until they
    are removed or the process ends. No other process sees them.

    Args:
        name: of the shared engine; empty for one of its own.
    """

    def __init__(self, name: str = "") -> None:
        self._mock_engine = MockEngine(shared_world(name) if name else None)
        self._faults = self._mock_engine.world.faults
        self._now = threading.local()
        self.mock = MockControls(self._mock_engine.world)
        """Scripts, faults, the record of calls, and whatever somebody else does at this engine."""
        super().__init__(self._mock_engine)

    @property
    def in_this_process(self) -> bool:
        return True

    def _operation(self, name: str, timeout: float | None, cancel: threading.Event | None) -> Operation:
        call = getattr(self._now, "call", None)
        return _MockOperation(name, timeout, cancel, self.platform_name, self._faults, call)


class _MockCall:
    """One call of a public method; faults strike it once, however many operations it has."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.struck = False


class _MockOperation(Operation):
    """An operation that is slow or fails as the test has told."""

    def __init__(
        self,
        name: str,
        timeout: float | None,
        cancel: threading.Event | None,
        platform: str,
        faults: Faults,
        call: _MockCall | None,
    ) -> None:
        super().__init__(name, timeout=timeout, cancel=cancel, platform=platform)
        self._faults = faults
        self._call = call

    def __enter__(self) -> Self:
        super().__enter__()
        call = self._call
        if call is not None and not call.struck:
            call.struck = True
            try:
                self._faults.strike(call.method, self)
            except DvmError as error:
                error.operation = error.operation or self.name
                self._leave(error, error.__traceback__)
                raise
        return self

    def _leave(self, error: DvmError, tb: TracebackType | None) -> None:
        self.__exit__(type(error), error, tb)


def _recorded(method: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(method)
    name = method.__name__

    @functools.wraps(method)
    def call(self: MockRuntime, *args: Any, **kwargs: Any) -> Any:
        given = signature.bind(self, *args, **kwargs).arguments
        arguments = {key: value for key, value in given.items() if key != "self"}
        self._faults.record(Call(name, arguments, level="runtime"))
        before = getattr(self._now, "call", None)
        self._now.call = before or _MockCall(name)
        try:
            return method(self, *args, **kwargs)
        finally:
            self._now.call = before

    return call


# Steps of the engine that have the name of a public method are recorded
# there: they are one to one, and once is enough.
for _name, _method in inspect.getmembers(ContainerRuntime, inspect.isfunction):
    if not _name.startswith("_") and _name != "close" and not hasattr(MockEngine, _name):
        setattr(MockRuntime, _name, _recorded(_method))
