"""Scripted answers, faults and the record of calls of one mock engine."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dvm_runtimes.engines.base import ContainerSpec, ExecSpec
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.infos import ExecResult
from dvm_runtimes.operation import Operation

from .waits import wait_for

if TYPE_CHECKING:
    from .processes import Process

Answer = ExecResult | Callable[[ExecSpec, bytes], ExecResult]
"""What a scripted command gives: a result, or a callable of the spec and its standard input."""

NAME = "Mock"
START_HINT = "Call make_available() on the runtime's `mock`."


@dataclass(frozen=True)
class Call:
    """One call that the mock was given.

    Attributes:
        method: its name, as in ``"start_workspace"`` or ``"create_container"``.
        arguments: by name. Values of environment variables are in them, but not in its ``repr``.
        level: ``runtime`` for methods of `ContainerRuntime`, ``engine`` for the steps of `Engine` beneath.
    """

    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    level: str = "engine"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_veiled(value)!r}" for name, value in self.arguments.items())
        return f"Call({self.method}({shown}), level={self.level!r})"


def _veiled(value: Any) -> Any:
    if isinstance(value, ContainerSpec | ExecSpec):
        return dataclasses.replace(value, env=dict.fromkeys(value.env, "..."))
    return value


class Faults:
    """The scripted part of one mock engine.

    Args:
        lock: the engine's lock.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self.condition = threading.Condition(lock)
        self.available = True
        self.calls: list[Call] = []
        self._answers: list[tuple[Callable[[Sequence[str]], bool], Answer]] = []
        self._slow: dict[str, float] = {}
        self._failures: dict[str, list[DvmError]] = {}
        self._deaths: list[tuple[int, bytes]] = []

    def reset(self) -> None:
        """Forget every script, fault and call."""
        with self.condition:
            self.available = True
            self.calls.clear()
            self._answers.clear()
            self._slow.clear()
            self._failures.clear()
            self._deaths.clear()
            self.condition.notify_all()

    def record(self, call: Call) -> None:
        """Remember a call."""
        with self.condition:
            self.calls.append(call)

    def strike(self, method: str, op: Operation) -> None:
        """Be slow or fail in a call of ``method``, as the test has asked for.

        Raises:
            DvmError: the error that the test gave, or that the engine does not answer.
        """
        with self.condition:
            seconds = self._slow.get(method, 0.0)
        if seconds:
            wait_for(op, self.condition, lambda: method not in self._slow, seconds)
        op.check()
        with self.condition:
            if not self.available:
                raise unavailable(op.name, op.platform)
            failures = self._failures.get(method)
            if failures:
                raise failures.pop(0)

    # Faults and scripts

    def slow(self, method: str, seconds: float) -> None:
        """Let every call of ``method`` take so much longer; 0 lets waiting ones go on."""
        with self.condition:
            self._slow.pop(method, None)
            if seconds > 0:
                self._slow[method] = seconds
            self.condition.notify_all()

    def fail_next(self, method: str, error: DvmError) -> None:
        """Let the next call of ``method`` raise ``error``; several are raised one after the other."""
        with self.condition:
            self._failures.setdefault(method, []).append(error)

    def script(self, pattern: str | Sequence[str], answer: Answer) -> None:
        """Answer commands instead of running them; the latest script goes first."""
        if isinstance(pattern, str):
            expression = re.compile(pattern)
            self._answers.insert(0, (lambda argv: expression.search(" ".join(argv)) is not None, answer))
        else:
            self._answers.insert(0, (lambda argv: tuple(argv) == tuple(pattern), answer))

    def answer(self, spec: ExecSpec) -> Callable[[Process], int] | None:
        """What runs instead of a command; None if no script matches it."""
        with self.condition:
            found = next((answer for matches, answer in self._answers if matches(spec.command)), None)
        if found is None:
            return None
        chosen = found

        def run(process: Process) -> int:
            # A terminal has no end of input to wait for.
            given = b"".join(process.read_all(0)) if spec.stdin and not spec.tty and callable(chosen) else b""
            result = chosen(spec, given) if callable(chosen) else chosen
            process.write(1, result.stdout)
            process.write(2, result.stderr)
            return result.exit_code

        return run

    def die_after_start(self, exit_code: int, logs: bytes) -> None:
        """Let the next container that is started write ``logs`` and end."""
        with self.condition:
            self._deaths.append((exit_code, logs))

    def take_death(self) -> Callable[[Process], int] | None:
        """What the container that starts now does instead of its command; None for that command."""
        with self.condition:
            if not self._deaths:
                return None
            exit_code, logs = self._deaths.pop(0)

        def die(process: Process) -> int:
            process.write(1, logs)
            return exit_code

        return die


def unavailable(operation: str, platform: str) -> RuntimeUnavailableError:
    """The error of an engine that does not answer."""
    return RuntimeUnavailableError(
        "the mock engine does not answer", hint=START_HINT, platform=platform, operation=operation
    )
