"""A container's output as it comes, to its very end.

Docker (seen with 20.10) ends a followed log when the container ends, whether
or not its last words have been read: now and then they are missing, though
they are in the log. So the log is followed with the engine's time stamps, and
what lies behind the last one is asked for when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.engines.http.client import Answer
from dvm_runtimes.errors import WorkspaceNotFoundError
from dvm_runtimes.operation import Operation

from . import parsing
from .frames import messages, plain, split
from .newline_repair import mend

if TYPE_CHECKING:
    from .engine import DockerEngine

Message = tuple[int, bytes]


class OpenLog(NamedTuple):
    """A log that the engine sends.

    Attributes:
        stream: the answer.
        framed: whether its two streams are told apart.
        mended: whether newlines were lost, see `mending`.
    """

    stream: Answer
    framed: bool
    mended: bool = False


class Wanted(NamedTuple):
    """Which part of a log is asked for; see `Engine.logs`."""

    tail: int | None
    since: float | None

    def query(self) -> dict[str, Any]:
        """The same, as the API takes it."""
        since = {} if self.since is None else {"since": f"{self.since:.9f}"}
        return {"tail": "all" if self.tail is None else str(self.tail), **since}


def read(engine: DockerEngine, op: Operation, container: str, wanted: Wanted, *, follow: bool) -> Iterator[Message]:
    """The output of a container's main process."""
    if follow:
        yield from _read_following(engine, op, container, wanted)
    elif wanted.tail != 0:
        log = engine.open_logs(op, container, wanted.query())
        pieces = engine.pieces(op, log.stream)
        if log.mended and log.framed:
            yield from mend(messages(pieces))
        else:
            yield from (split if log.framed else plain)(pieces)


def _read_following(engine: DockerEngine, op: Operation, container: str, wanted: Wanted) -> Iterator[Message]:
    query = wanted.query()
    log = engine.open_logs(op, container, {**query, "follow": 1, "timestamps": 1})
    if not log.framed:
        # A terminal's output has no marks between its messages, where the time stamps are.
        log.stream.close()
        log = engine.open_logs(op, container, {**query, "follow": 1})
        yield from plain(engine.pieces(op, log.stream))
        return

    def rest_since(stamp: str) -> Iterator[bytes]:
        began = {"since": parsing.exact(stamp)} if stamp else query
        try:
            return engine.pieces(op, engine.open_logs(op, container, {**began, "timestamps": 1}).stream)
        except WorkspaceNotFoundError:
            return iter(())  # it was removed, and its log with it

    found = to_the_end(engine.pieces(op, log.stream), rest_since, from_start=wanted.tail is None)
    yield from mend(found) if log.mended else found


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
