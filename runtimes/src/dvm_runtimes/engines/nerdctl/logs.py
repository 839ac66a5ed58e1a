"""A container's log, record by record, from ``nerdctl logs --timestamps``.

Each record begins with its time, which nerdctl's own messages do not have: the two cannot be confused, whatever the
container prints.

A log that nerdctl follows loses lines that it reads while they are written: where the file ends in half a line at that
moment, nerdctl drops that line and what it has read with it (seen with 2.1.6). A log that is read to its end has every
complete line. So the followed log only says when to read, and new records are read from the whole log.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import re
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from dvm_runtimes.operation import Operation

from .client import NerdctlClient
from .json_output import seconds
from .logrus import reason
from .transport import AbortedError, Call, Channel, TransportError

_RECORD = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its time in seconds since the epoch, and its line as nerdctl prints it."""

    time: float
    raw: bytes


class LogRecords:
    """Parses the merged output of ``nerdctl logs --timestamps``.

    Args:
        since: seconds since the epoch; older records are left out (nerdctl compares whole seconds).
        after: the line of a record; this record and those before it are left out. Times have nanoseconds, so that no
            two lines are equal.
    """

    def __init__(self, since: float | None = None, after: bytes = b"") -> None:
        self.last: Record | None = None
        self._since = since
        self._after = after
        self._rest = b""
        self._messages: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """The container's bytes in ``data``; an incomplete line is kept."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return b"".join(self._line(line + b"\n") for line in lines)

    def finish(self) -> bytes:
        """The last line, without a newline."""
        rest, self._rest = self._rest, b""
        return self._line(rest) if rest else b""

    @property
    def messages(self) -> str:
        """nerdctl's own messages."""
        return b"".join(self._messages).decode(errors="replace")

    def _line(self, line: bytes) -> bytes:
        match = _RECORD.match(line)
        if match is None:
            self._messages.append(line)
            return b""
        if self._after:
            if line == self._after:
                self._after = b""
            return b""
        time = seconds(match[1].decode()) or 0.0
        self.last = Record(time, line)
        if self._since is not None and time < self._since:
            return b""
        return line[match.end() :]


def read(
    client: NerdctlClient, op: Operation, args: Sequence[str], records: LogRecords
) -> Generator[bytes, None, None]:
    """The container's bytes in the output of ``nerdctl logs``.

    Args:
        args: nerdctl's arguments; see `flags`.
        records: parses the output.

    Raises:
        DvmError: it failed; see `error_mapping.failure`.
    """
    call = client.query(*args)
    with client.running(op, dataclasses.replace(call, merge=True)) as channel:
        while (piece := channel.read()) is not None:
            if data := records.feed(piece[1]):
                yield data
        if data := records.finish():
            yield data
        code = channel.wait()
    if code:
        raise client.failed(op, reason(records.messages), args[-1])


def flags(tail: int | None, since: float | None, *, follow: bool) -> list[str]:
    """The arguments of ``nerdctl logs``.

    >>> flags(5, 1.5, follow=True)
    ['logs', '--timestamps', '--tail', '5', '--since', '1970-01-01T00:00:01Z', '--follow']
    """
    args = ["logs", "--timestamps"]
    if tail is not None:
        args += ["--tail", str(tail)]
    if since is not None:
        moment = datetime.datetime.fromtimestamp(int(since), datetime.UTC)
        args += ["--since", moment.strftime("%Y-%m-%dT%H:%M:%SZ")]
    return [*args, "--follow"] if follow else args


def follow(
    client: NerdctlClient, op: Operation, container: str, tail: int | None, since: float | None
) -> Generator[bytes, None, None]:
    """The container's output until it ends.

    Args:
        tail: the number of existing lines to begin with; None for all.
        since: seconds since the epoch; older records are left out.
    """
    last: Record | None = None
    args = flags(tail, since, follow=False)
    with _watch(client, op, client.nerdctl((*flags(1, None, follow=True), container))) as changes:
        while True:
            ended = changes.ended
            changes.seen.clear()
            records = LogRecords(since, after=last.raw if last else b"")
            yield from read(client, op, (*args, container), records)
            last = records.last or last
            args = flags(None, last.time if last else since, follow=False)
            if ended:
                changes.check(client, op)
                return
            op.wait(changes.seen)


class _Changes:
    """Sets ``seen`` when the followed log has something new, and when it has ended."""

    def __init__(self, channel: Channel) -> None:
        self.seen = threading.Event()
        self.ended = False
        self._channel = channel
        self._error: AbortedError | TransportError | None = None
        self.thread = threading.Thread(target=self._read, name="dvm-follow", daemon=True)

    def _read(self) -> None:
        try:
            while self._channel.read() is not None:
                self.seen.set()
        except (AbortedError, TransportError) as error:
            self._error = error
        self.ended = True
        self.seen.set()

    def check(self, client: NerdctlClient, op: Operation) -> None:
        """Raise the error that ended the followed log, if there was one."""
        with client.typed(op):
            if self._error is not None:
                raise self._error


@contextlib.contextmanager
def _watch(client: NerdctlClient, op: Operation, call: Call) -> Iterator[_Changes]:
    with client.running(op, call) as channel:
        changes = _Changes(channel)
        changes.thread.start()
        try:
            yield changes
        finally:
            channel.abort()
            changes.thread.join()
