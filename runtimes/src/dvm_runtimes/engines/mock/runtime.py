"""`MockRuntime`: the rules of every workspace over the mock engine, and the test's controls of it."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import Operation
from dvm_runtimes.runtime import ContainerRuntime

from .controls import MockControls
from .engine import MockEngine
from .faults import Call
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
        self._calls = threading.local()
        self.mock = MockControls(self._mock_engine.world)
        """Scripts, faults, the record of calls, and whatever somebody else does at this engine."""
        super().__init__(self._mock_engine)

    @property
    def in_this_process(self) -> bool:
        return True


def _recorded(method: Callable[..., Any]) -> Callable[..., Any]:
    """A public method that is recorded, and struck by faults unless another one calls it."""
    signature = inspect.signature(method)
    name = method.__name__

    @functools.wraps(method)
    def call(self: MockRuntime, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        arguments = {key: value for key, value in bound.arguments.items() if key != "self"}
        self._faults.record(Call(name, arguments, level="runtime"))
        if getattr(self._calls, "within", False):
            return method(self, *args, **kwargs)
        self._calls.within = True
        try:
            bound.apply_defaults()
            limits = {key: bound.arguments.get(key) for key in ("timeout", "cancel")}
            with Operation(name, **limits, platform=self.platform_name) as op:
                self._faults.strike(name, op)
            return method(self, *args, **kwargs)
        except DvmError as error:
            error.operation = error.operation or name
            raise
        finally:
            self._calls.within = False

    return call


# Steps of the engine that have the name of a public method are recorded
# there: they are one to one, and once is enough.
for _name, _method in inspect.getmembers(ContainerRuntime, inspect.isfunction):
    if not _name.startswith("_") and _name != "close" and not hasattr(MockEngine, _name):
        setattr(MockRuntime, _name, _recorded(_method))
