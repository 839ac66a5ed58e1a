"""A followed log of Podman 4, which loses lines while they are written.

Podman 4 (seen with 4.3) gives a line of which only the beginning is in its file as it is, or not at all, and drops
the rest. The log itself is whole. So what is followed only tells when to look, and what is new is read from the log.
What is read while it is written may end in half a line as well: it is believed once two readings agree. Time stamps
are whole seconds: how many lines of the last second were given tells where to go on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import takewhile
from types import TracebackType
from typing import Any, Self

from dvm_runtimes.engines.docker_api import parsing
from dvm_runtimes.engines.docker_api.api import DockerApi
from dvm_runtimes.engines.docker_api.frames import messages, plain
from dvm_runtimes.engines.docker_api.logs import LogRange, Message, open_log, split_stamp
from dvm_runtimes.engines.http.client import Response
from dvm_runtimes.errors import DvmError, WorkspaceNotFoundError
from dvm_runtimes.operation import Operation


def read(api: DockerApi, op: Operation, container: str, part: LogRange) -> Iterator[Message]:
    """The output of a container's main process, until that ends.

    Args:
        part: which part of it.
    """
    everything = LogRange(None, part.since).query()
    log = open_log(api, op, container, {**everything, "follow": 1})
    if not log.framed:
        # A terminal's output has no marks between its messages; it is taken as it comes.
        log.stream.close()
        log = open_log(api, op, container, {**part.query(), "follow": 1})
        yield from plain(api.pieces(op, log.stream))
        return
    unread = Unread(part)
    with _Bell(api, op, log.stream) as bell:
        while True:
            ended = bell.ended
            bell.rang.clear()
            try:
                first, second = (list(_messages(api, op, container, unread.query())) for _ in range(2))
            except WorkspaceNotFoundError:
                return  # it was removed, and its log with it
            yield from unread.take([one for one, _ in takewhile(_agree, zip(first, second, strict=False))])
            if first != second:
                continue
            if not ended:
                op.wait(bell.rang)
            elif bell.error is not None:
                raise bell.error
            else:
                return


def _messages(api: DockerApi, op: Operation, container: str, query: dict[str, Any]) -> Iterator[Message]:
    log = open_log(api, op, container, {**query, "timestamps": 1})
    return messages(api.pieces(op, log.stream))


def _agree(pair: tuple[Message, Message]) -> bool:
    return pair[0] == pair[1]


class Unread:
    """Which part of a log was not given yet."""

    def __init__(self, part: LogRange) -> None:
        self._part = part
        self._stamp = b""
        self._count = 0

    def query(self) -> dict[str, Any]:
        """What asks for all of it, and for the rest of the second before it."""
        query = LogRange(None, self._part.since).query()
        if self._stamp:
            since = parsing.exact(self._stamp.decode("ascii", "replace"))
            if float(since) > (self._part.since or 0.0):
                query["since"] = since
        return query

    def take(self, found: list[Message]) -> Iterator[Message]:
        """What is new among the messages that `query` found; they are given from now on."""
        stamped = [(stream, *split_stamp(message)) for stream, message in found]
        if not stamped:
            return
        begin = 0
        if self._stamp:
            known = [number for number, (_, stamp, _) in enumerate(stamped) if stamp == self._stamp][: self._count]
            begin = known[-1] + 1 if known else 0
        elif self._part.tail is not None:
            begin = max(0, len(stamped) - self._part.tail)
        self._stamp = stamped[-1][1]
        self._count = sum(stamp == self._stamp for _, stamp, _ in stamped)
        for stream, _, text in stamped[begin:]:
            yield stream, text


class _Bell:
    """Rings when something comes over a stream, and when that ends.

    Attributes:
        rang: set then; for whoever waits to clear.
        ended: nothing more will come.
        error: why the stream ended, if it broke.
    """

    def __init__(self, api: DockerApi, op: Operation, stream: Response) -> None:
        self.rang = threading.Event()
        self.ended = False
        self.error: DvmError | None = None
        self._stream = stream
        self._thread = threading.Thread(target=self._run, args=(api, op), name="dvm-log", daemon=True)
        self._thread.start()

    def _run(self, api: DockerApi, op: Operation) -> None:
        try:
            for _ in api.pieces(op, self._stream):
                self.rang.set()
        except DvmError as error:
            self.error = error
        self.ended = True
        self.rang.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stream.cut()
        self._thread.join()
