"""Changes of workspaces, from the engine's own events, over broken connections too."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Self

from dvm_runtimes.engines.base import Container, Engine, EngineEvent, EventStream
from dvm_runtimes.errors import DvmError, OperationTimeoutError
from dvm_runtimes.infos import EventKind, WorkspaceEvent, WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.operation import QUICK, CancelToken, Operation
from dvm_runtimes.validation.naming import MANAGED, is_managed

_STATUS_AFTER = {
    EventKind.CREATED: WorkspaceStatus.CREATED,
    EventKind.STARTED: WorkspaceStatus.RUNNING,
    EventKind.STOPPED: WorkspaceStatus.EXITED,
    EventKind.PAUSED: WorkspaceStatus.PAUSED,
    EventKind.RESUMED: WorkspaceStatus.RUNNING,
}
_KIND_FOR = {
    WorkspaceStatus.CREATED: EventKind.CREATED,
    WorkspaceStatus.RUNNING: EventKind.STARTED,
    WorkspaceStatus.PAUSED: EventKind.PAUSED,
    WorkspaceStatus.EXITED: EventKind.STOPPED,
    WorkspaceStatus.DEAD: EventKind.STOPPED,
}
_FIRST_RETRY = 0.05
_FIRST_LIMIT, _LONGEST_LIMIT = 10.0, 300.0
"""Seconds for one try to reconnect: each that was too short doubles it."""


class WorkspaceWatch:
    """A closable iterator of `WorkspaceEvent`, from `ContainerRuntime.watch_workspaces`.

    Iterating blocks until something happens. One thread iterates; any thread may take a `snapshot` or `close`.

    Args:
        engine: whose events it follows.
        op: limits the first connection.
        cancel: ends the iteration.
        on_connection: see `ContainerRuntime.watch_workspaces`.
    """

    # The stream is opened before the list is read, so that nothing falls between the two; what both tell is given once.

    def __init__(
        self,
        engine: Engine,
        op: Operation,
        cancel: threading.Event | None,
        on_connection: Callable[[bool, str], object] | None,
    ) -> None:
        self._engine = engine
        self._on_connection = on_connection
        self._lock = threading.Lock()
        self._pending: deque[WorkspaceEvent] = deque()
        self._closed = CancelToken()
        self._stream: EventStream | None
        self._stream, self._known = self._connect(op)
        # One operation as long as the watch: it lets ``cancel`` close it.
        self._life = contextlib.ExitStack()
        life = self._life.enter_context(Operation(op.name, cancel=cancel, platform=engine.platform_name))
        try:
            self._life.enter_context(life.aborting(self.close))
        except DvmError:
            self.close()
            raise

    def __iter__(self) -> Iterator[WorkspaceEvent]:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __next__(self) -> WorkspaceEvent:
        while True:
            if self._closed.is_set():
                raise StopIteration
            if self._pending:
                event = self._pending.popleft()
                self._record(event)
                return event
            stream = self._stream
            try:
                if stream is None:
                    self._reconnect()
                    continue
                heard = stream.next()
                if heard is not None:
                    self._take(heard)
                elif not self._closed.is_set():
                    self._lost("the stream ended")
            except DvmError as error:
                if not self._closed.is_set():
                    self._lost(str(error))

    def snapshot(self) -> list[WorkspaceInfo]:
        """The workspaces after the events given so far; no engine call."""
        with self._lock:
            return sorted(self._known.values(), key=lambda info: info.name)

    def close(self) -> None:
        """End the iteration and release the connection."""
        self._closed.set()
        stream = self._stream
        if stream is not None:
            stream.close()
        self._life.close()

    # The connection

    def _connect(self, op: Operation) -> tuple[EventStream, dict[str, WorkspaceInfo]]:
        stream = self._engine.events(op)
        try:
            found = self._engine.list_containers(op, {MANAGED: "true"})
        except BaseException:
            stream.close()
            raise
        return stream, {container.id: container.info(self._engine.platform_type) for container in found}

    def _lost(self, reason: str) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
        if self._on_connection is not None:
            self._on_connection(False, reason)

    def _reconnect(self) -> None:
        pause, limit = _FIRST_RETRY, _FIRST_LIMIT
        while not self._closed.wait(pause):
            pause = min(pause * 2, self._engine.longest_pause)
            try:
                with Operation("watch_workspaces", timeout=limit, cancel=self._closed) as op:
                    version = self._engine.version(op)
                    stream, now = self._connect(op)
            except OperationTimeoutError:
                limit = min(limit * 2, _LONGEST_LIMIT)
                continue
            except DvmError:
                continue
            self._stream = stream
            with self._lock:
                before, self._known = self._known, now
            self._pending.extend(differences(before, now))
            if self._closed.is_set():
                stream.close()
            elif self._on_connection is not None:
                self._on_connection(True, version)
            return

    # The events

    def _take(self, heard: EngineEvent) -> None:
        with self._lock:
            known = self._known.get(heard.container)
        if heard.kind is EventKind.REMOVED:
            if known is not None:
                gone = dataclasses.replace(known, status=WorkspaceStatus.NOT_FOUND)
                self._pending.append(WorkspaceEvent(heard.kind, gone, heard.time))
            return
        if known is None and heard.labels and not is_managed(heard.labels):
            return
        info = known if known is not None and tells_all(heard, known) else self._look(heard, known)
        if info is None:
            return
        after = _STATUS_AFTER.get(heard.kind)
        if after is not None:
            if known is not None and known.status is after:
                return  # the list has told it already
            exit_code = heard.exit_code if heard.exit_code is not None else info.exit_code
            if after is not WorkspaceStatus.EXITED:
                exit_code = None
            ports = {} if after is WorkspaceStatus.EXITED else info.ports
            info = dataclasses.replace(info, status=after, exit_code=exit_code, ports=ports)
        elif known is not None:
            # The look came later than the event: what it saw of the state has an event of its own.
            info = dataclasses.replace(info, status=known.status, exit_code=known.exit_code)
        self._pending.append(WorkspaceEvent(heard.kind, info, heard.time))

    def _look(self, heard: EngineEvent, known: WorkspaceInfo | None) -> WorkspaceInfo | None:
        """The workspace as it is; one that is gone already, as the event tells of it."""
        with Operation("watch_workspaces", timeout=QUICK, cancel=self._closed) as op:
            container = self._engine.inspect_container(op, heard.container)
        if container is None:
            if known is not None:
                return known
            if not is_managed(heard.labels):
                return None
            status = _STATUS_AFTER.get(heard.kind, WorkspaceStatus.UNKNOWN)
            container = Container(heard.container, heard.name, status, "", labels=heard.labels)
        if not is_managed(container.labels):
            return None
        return container.info(self._engine.platform_type)

    def _record(self, event: WorkspaceEvent) -> None:
        with self._lock:
            if event.kind is EventKind.REMOVED:
                self._known.pop(event.workspace.id, None)
            else:
                self._known[event.workspace.id] = event.workspace


def tells_all(heard: EngineEvent, known: WorkspaceInfo) -> bool:
    """Whether an event says everything that has changed of a workspace.

    Then nobody has to look, which would take long: moby answers a look at a container that has ended only once it has
    cleared up after it, a tenth of a second later on a busy machine. What a list told alone is not everything.
    """
    if known.started is None:
        return False
    if heard.kind is EventKind.STOPPED:
        return heard.exit_code is not None
    return heard.kind in (EventKind.PAUSED, EventKind.RESUMED)


def differences(before: Mapping[str, WorkspaceInfo], now: Mapping[str, WorkspaceInfo]) -> list[WorkspaceEvent]:
    """What changed between two looks, as the events that a live stream would have brought."""
    clock = time.time()
    events = []
    for key in before.keys() - now.keys():
        gone = dataclasses.replace(before[key], status=WorkspaceStatus.NOT_FOUND)
        events.append(WorkspaceEvent(EventKind.REMOVED, gone, clock))
    for key, info in now.items():
        old = before.get(key)
        if old is None:
            old = dataclasses.replace(info, status=WorkspaceStatus.CREATED, started=None)
            events.append(WorkspaceEvent(EventKind.CREATED, old, clock))
        if old.name != info.name:
            events.append(WorkspaceEvent(EventKind.RENAMED, info, clock))
        if old.status is not info.status and (kind := _kind(old.status, info.status)):
            events.append(WorkspaceEvent(kind, info, clock))
    return events


def _kind(old: WorkspaceStatus, new: WorkspaceStatus) -> EventKind | None:
    if old is WorkspaceStatus.PAUSED and new is WorkspaceStatus.RUNNING:
        return EventKind.RESUMED
    return _KIND_FOR.get(new)
