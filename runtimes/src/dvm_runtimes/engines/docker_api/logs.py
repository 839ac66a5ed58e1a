"""A container's log, complete to its last line.

Docker (seen with 20.10) ends a followed log when the container ends, before
or after its last lines: now and then they are missing, though they are in the
log. So the log is followed with the engine's time stamps, and what lies behind
the last one is requested when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dvm_runtimes.engines.http.client import Response
from dvm_runtimes.errors import WorkspaceNotFoundError
from dvm_runtimes.operation import Operation

from . import parsing
from .api import DockerApi, step
from .frames import messages, plain, split

CUT = 16 * 1024
"""Bytes after which Docker before 23 cuts a line into messages."""

Message = tuple[int, bytes]


class OpenLog(NamedTuple):
    """A log that the engine sends.

    Attributes:
        stream: the response.
        framed: whether its two streams come in frames.
        lacks_newlines: see `repair_newlines`.
    """

    stream: Response
    framed: bool
    lacks_newlines: bool = False


class LogRange(NamedTuple):
    """Which part of a log is requested; see `Engine.logs`."""

    tail: int | None
    since: float | None

    def query(self) -> dict[str, Any]:
        """The query parameters of the API."""
        since = {} if self.since is None else {"since": f"{self.since:.9f}"}
        return {"tail": "all" if self.tail is None else str(self.tail), **since}


@step
def open_log(api: DockerApi, op: Operation, container: str, query: Mapping[str, Any]) -> OpenLog:
    """The log as a stream, and the format of its content."""
    stream = api.stream("GET", "/containers/{}/logs", container, params={"stdout": 1, "stderr": 1, **query})
    kind = stream.headers.get("Content-Type", "")
    if kind.endswith("multiplexed-stream"):
        return OpenLog(stream, framed=True)
    # Before API 1.42 the header is missing, or says "raw" for both formats.
    if kind.endswith("raw-stream") and api.api_at_least("1.42"):
        return OpenLog(stream, framed=False)
    try:
        inspected = api.client.get("/containers/{}/json", container)
    except BaseException:
        stream.close()
        raise
    driver = inspected["HostConfig"].get("LogConfig", {}).get("Type")
    return OpenLog(stream, framed=not inspected["Config"].get("Tty"), lacks_newlines=driver == "local")


def read(api: DockerApi, op: Operation, container: str, part: LogRange, *, follow: bool) -> Iterator[Message]:
    """The output of a container's main process."""
    if follow:
        yield from _read_following(api, op, container, part)
    elif part.tail != 0:
        log = open_log(api, op, container, part.query())
        pieces = api.pieces(op, log.stream)
        if log.lacks_newlines and log.framed:
            yield from repair_newlines(messages(pieces))
        else:
            yield from (split if log.framed else plain)(pieces)


def _read_following(api: DockerApi, op: Operation, container: str, part: LogRange) -> Iterator[Message]:
    query = part.query()
    log = open_log(api, op, container, {**query, "follow": 1, "timestamps": 1})
    if not log.framed:
        # A terminal's output has no marks between its messages, where the time stamps are.
        log.stream.close()
        log = open_log(api, op, container, {**query, "follow": 1})
        yield from plain(api.pieces(op, log.stream))
        return

    def rest_since(stamp: str) -> Iterator[bytes]:
        began = {"since": parsing.exact(stamp)} if stamp else query
        try:
            return api.pieces(op, open_log(api, op, container, {**began, "timestamps": 1}).stream)
        except WorkspaceNotFoundError:
            return iter(())  # it was removed, and its log with it

    output = to_the_end(api.pieces(op, log.stream), rest_since, from_start=part.tail is None)
    yield from repair_newlines(output) if log.lacks_newlines else output


@dataclass(slots=True)
class _Seen:
    """How far one stream was read: the last time stamp, and how many messages carried it."""

    stamp: bytes
    count: int


def to_the_end(
    frames: Iterable[bytes], rest_since: Callable[[str], Iterable[bytes]], *, from_start: bool
) -> Iterator[Message]:
    """The payload of a followed log, and of what it left out at its end.

    Args:
        frames: the log as it comes, with time stamps.
        rest_since: opens the log from a time on, with time stamps, not followed; an empty time asks for all.
        from_start: whether all was asked for, so that nothing can be too old.
    """
    seen: dict[int, _Seen] = {}
    first = b""
    for stream, message in messages(frames):
        stamp, text = split_stamp(message)
        first = first or stamp
        known = seen.get(stream)
        if known is not None and known.stamp == stamp:
            known.count += 1
        else:
            seen[stream] = _Seen(stamp, 1)
        yield stream, text
    if not first and not from_start:
        return
    # A stream that wrote nothing so far cannot have written before the first message.
    since = min((one.stamp for one in seen.values()), default=b"") if len(seen) == 2 else first
    repeated: dict[tuple[int, bytes], int] = {}
    for stream, message in messages(rest_since(since.decode("ascii", "replace"))):
        stamp, text = split_stamp(message)
        known = seen.get(stream)
        if known is not None:
            key = (stream, stamp)
            repeated[key] = repeated.get(key, 0) + 1
            if stamp < known.stamp or (stamp == known.stamp and repeated[key] <= known.count):
                continue
        yield stream, text


def split_stamp(message: bytes) -> tuple[bytes, bytes]:
    """The time stamp before a message, and the message."""
    stamp, _, text = message.partition(b" ")
    return stamp, text


def repair_newlines(output: Iterable[Message]) -> Iterator[Message]:
    """The messages of a log, with the newlines that old engines lose put back.

    Docker before 23 (API 1.42) cuts long lines into messages of 16 KiB, and
    its log driver ``local`` loses the newline behind a line that was cut. A
    message shorter than that, or an empty one, can only be the end of a line,
    since the engine waits for either.
    """
    open_lines: dict[int, bool] = {}
    for stream, text in output:
        if open_lines.get(stream):
            yield stream, b"\n"
        open_lines[stream] = len(text) != CUT and not text.endswith(b"\n")
        if text:
            yield stream, text
