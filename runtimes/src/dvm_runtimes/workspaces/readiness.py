"""Waiting until a started workspace is ready, over any engine, and no longer than it lives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from types import MappingProxyType
from typing import NamedTuple

from dvm_runtimes.engines.base import Container, Engine
from dvm_runtimes.errors import (
    DvmError,
    OperationCancelledError,
    UnsupportedError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import ExecResult, HostPort, WorkspaceStatus
from dvm_runtimes.operation import CancelToken, Operation
from dvm_runtimes.waiting import LOG_LINES, WaitStrategy

from .executing import run

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_LATE_HINT = "Its last log lines may tell why; give a larger timeout only if it needs longer."
_LAST_WORD = 5.0
"""Seconds in which an engine tells of an end that has happened, or of a wait that was cut."""


class ContainerTarget:
    """`dvm_runtimes.waiting.WaitTarget` over an engine.

    Args:
        engine: the engine.
        container: the container's full ID.
        op: the limits of the wait.
        report: called with what each attempt found.
        earlier: what earlier runs have written, which does not count.
    """

    def __init__(
        self, engine: Engine, container: str, op: Operation, report: Callable[[str], object], earlier: EarlierOutput
    ) -> None:
        self._engine = engine
        self._container = container
        self._report = report
        self._earlier = earlier
        self._health_output = ""
        self.op = op

    def status(self) -> WorkspaceStatus:
        found = self._engine.inspect_container(self.op, self._container)
        return WorkspaceStatus.NOT_FOUND if found is None else found.status

    def run(self, command: Sequence[str]) -> ExecResult:
        return run(self._engine, self.op, self._container, command)

    def address(self, port: str) -> HostPort | None:
        found = self._engine.inspect_container(self.op, self._container)
        return found.ports.get(port) if found is not None else None

    def logs(self) -> Generator[tuple[int, bytes]]:
        pieces = self._engine.logs(self.op, self._container, tail=None, since=self._earlier.since, follow=True)
        left = dict(self._earlier.lengths)
        try:
            for stream, data in pieces:
                skipped = min(left.get(stream, 0), len(data))
                left[stream] = left.get(stream, 0) - skipped
                if data[skipped:]:
                    yield stream, data[skipped:]
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def health(self) -> Generator[str]:
        if reason := self._engine.capabilities.why_not("health_checks"):
            raise UnsupportedError(f"no health can be waited for: {reason}", operation=self.op.name)
        # The stream is opened before the first look, so that no change is missed.
        with closing(self._engine.events(self.op)) as events, self.op.aborting(events.close):
            while True:
                found = self._engine.inspect_container(self.op, self._container)
                # One that has ended has no health any more; whoever watches for its end says so.
                if found is not None and found.status is WorkspaceStatus.RUNNING:
                    self._health_output = found.health_output
                    yield found.health
                while True:
                    event = events.next()
                    self.op.check()
                    if event is None or event.container == self._container:
                        break

    def health_output(self) -> str:
        return self._health_output

    def attempts(self) -> Iterator[None]:
        pause = _FIRST_PAUSE
        while True:
            self.op.check()
            yield
            self.op.wait(threading.Event(), pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def report(self, state: str) -> None:
        self._report(state)


class EarlierOutput(NamedTuple):
    """What a container wrote in its runs before this one, and a wait must not take for this one's.

    Attributes:
        since: seconds since the epoch: the end of the last run; None if there was none.
        lengths: bytes of each stream that the engine has logged with a later time all the same: what a process wrote
            last is read after its end.
    """

    since: float | None = None
    lengths: Mapping[int, int] = MappingProxyType({})


def earlier_output(engine: Engine, op: Operation, container: Container) -> EarlierOutput:
    """What ``container`` has written so far. Right before a start, that is all of its earlier runs' output."""
    if container.finished is None:
        return EarlierOutput()
    lengths: dict[int, int] = {}
    if container.status is not WorkspaceStatus.RUNNING:
        for stream, data in engine.logs(op, container.id, tail=None, since=container.finished, follow=False):
            lengths[stream] = lengths.get(stream, 0) + len(data)
    return EarlierOutput(container.finished, lengths)


def await_ready(strategy: WaitStrategy, engine: Engine, container: str, op: Operation, earlier: EarlierOutput) -> None:
    """Wait for ``strategy``, but not past the container's end.

    Raises:
        WorkspaceNotRunningError: the container ended first; ``logs`` has its last lines.
    """
    op.step = f"waiting for {strategy}"
    late_hint, op.late_hint = op.late_hint, _LATE_HINT

    def report(state: str) -> None:
        op.step = f"waiting for {strategy} (last attempt: {state})"

    over = CancelToken()  # ends the strategy: the container died, or the call is cut short
    done = CancelToken()  # ends the watcher: the strategy has its answer
    ends: list[int] = []

    def watch() -> None:
        try:
            with Operation(op.name, cancel=done, platform=op.platform) as watching:
                ends.append(engine.wait_container(watching, container))
        except DvmError:
            pass  # ended by ``done``; or the engine went away, which the strategy sees for itself
        else:
            over.set()

    watcher = threading.Thread(target=watch, name="dvm-wait", daemon=True)
    watcher.start()
    try:
        with op.aborting(over.set), Operation(op.name, cancel=over, platform=op.platform) as inner:
            inner.step = op.step
            strategy.wait(ContainerTarget(engine, container, inner, report, earlier))
    except DvmError as error:
        op.check()
        if not isinstance(error, OperationCancelledError):
            # What failed because the container died under it tells less than the death itself.
            found = engine.inspect_container(op, container)
            if found is None or found.status is not WorkspaceStatus.RUNNING:
                watcher.join(_LAST_WORD)
            elif not isinstance(error, WorkspaceNotRunningError):
                raise
        why = f"it ended with exit code {ends[0]}" if ends else error.message
        raise WorkspaceNotRunningError(
            f"the workspace was not ready: {why} while waiting for {strategy}",
            hint="Its last log lines tell why.",
            platform=engine.platform_name,
            operation=op.name,
            logs=last_lines(engine, op, container),
        ) from error
    finally:
        done.set()
        watcher.join(_LAST_WORD)
    op.step = ""
    op.late_hint = late_hint


def last_lines(engine: Engine, op: Operation, container: str, lines: int = LOG_LINES) -> str:
    """The last lines that a container wrote; empty when they cannot be had."""
    try:
        logs = engine.logs(op, container, tail=lines, since=None, follow=False)
        return b"".join(data for _, data in logs).decode(errors="replace").rstrip()
    except DvmError:
        return ""
