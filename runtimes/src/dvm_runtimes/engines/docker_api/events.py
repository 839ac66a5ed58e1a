"""`DockerEvents`: the engine's event stream."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dvm_runtimes.engines.base import EngineEvent, EventStream
from dvm_runtimes.engines.http.client import Response
from dvm_runtimes.errors import DvmError
from dvm_runtimes.infos import EventKind

_KINDS = {
    "create": EventKind.CREATED,
    "start": EventKind.STARTED,
    "die": EventKind.STOPPED,
    "died": EventKind.STOPPED,  # Podman's native name
    "pause": EventKind.PAUSED,
    "unpause": EventKind.RESUMED,
    "rename": EventKind.RENAMED,
    "destroy": EventKind.REMOVED,
    "remove": EventKind.REMOVED,  # Podman
}
# What the engine puts among the labels.
_NOT_LABELS = frozenset(
    {"name", "image", "exitCode", "execDuration", "oldName", "signal", "execID", "containerExitCode"}
)

_LONGEST_LINE = 4 * 1024 * 1024


def event(data: Mapping[str, Any]) -> EngineEvent | None:
    """One message of ``GET /events``; None for what no workspace's user needs to know.

    >>> event({"Type": "container", "Action": "die", "Actor": {"ID": "1f", "Attributes": {"exitCode": "3"}}}).exit_code
    3
    """
    if data.get("Type", "container") != "container":
        return None
    action = str(data.get("Action") or data.get("status") or "")
    kind = EventKind.HEALTH if action.startswith("health_status") else _KINDS.get(action)
    if kind is None:
        return None
    actor = data.get("Actor") or {}
    attributes = {str(key): str(value) for key, value in (actor.get("Attributes") or {}).items()}
    code = attributes.get("exitCode") or attributes.get("containerExitCode")
    return EngineEvent(
        kind=kind,
        container=str(actor.get("ID") or data.get("id") or ""),
        name=attributes.get("name", "").removeprefix("/"),
        labels={key: value for key, value in attributes.items() if key not in _NOT_LABELS},
        time=moment(data),
        exit_code=int(code) if kind is EventKind.STOPPED and code and code.lstrip("-").isdigit() else None,
    )


def moment(data: Mapping[str, Any]) -> float:
    """When it happened, in seconds since the epoch by the engine's clock."""
    nanoseconds = data.get("timeNano")
    return int(nanoseconds) / 1e9 if nanoseconds else float(data.get("time") or 0.0)


class DockerEvents(EventStream):
    """Events from ``stream``.

    Args:
        stream: the response to ``GET /events``.
        since: what happened before is left out; seconds by the engine's clock.
        broken: makes the error for a stream that broke.
    """

    def __init__(self, stream: Response, since: float, broken: Callable[[BaseException, Response], DvmError]) -> None:
        self._stream = stream
        self._since = since
        self._broken = broken
        self._lines = self._read()
        self._closed = threading.Event()
        self._reading = threading.Lock()

    def next(self) -> EngineEvent | None:
        with self._reading:
            try:
                return self._next()
            except Exception as error:
                if self._closed.is_set():
                    return None
                raise self._broken(error, self._stream) from error
            finally:
                if self._closed.is_set():
                    self._stream.close()

    def _next(self) -> EngineEvent | None:
        while not self._closed.is_set():
            line = next(self._lines, None)
            if line is None:
                raise EOFError("the event stream ended")
            data = json.loads(line)
            if isinstance(data, dict) and moment(data) >= self._since and (known := event(data)) is not None:
                return known
        return None

    def close(self) -> None:
        self._closed.set()
        self._stream.cut()
        # A thread that waits in `next` has been woken up and releases the connection itself.
        if self._reading.acquire(blocking=False):
            try:
                self._stream.close()
            finally:
                self._reading.release()

    def _read(self) -> Iterator[bytes]:
        rest = b""
        for piece in self._stream.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line for line in lines if line.strip())
            # Podman writes no newline behind an event.
            if rest.endswith(b"}") and _whole(rest):
                yield rest
                rest = b""
            if len(rest) > _LONGEST_LINE:
                raise ValueError("an event does not end")


def _whole(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
