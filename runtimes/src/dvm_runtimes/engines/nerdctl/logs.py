"""What a container wrote, record by record, from ``nerdctl logs --timestamps``.

Each record begins with its time, so that what nerdctl says of itself (which has
none) is never taken for the container's, whatever that prints.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from dvm_runtimes.operation import Operation

from .calls import Caller
from .messages import reason
from .records import seconds
from .transport import Call

_RECORD = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: when it was written, in seconds since the epoch, and its line as nerdctl gives it."""

    time: float
    raw: bytes


class Records:
    """Takes the merged output of ``nerdctl logs --timestamps`` apart.

    Args:
        since: seconds since the epoch; older records are left out. nerdctl itself compares whole seconds only.
        after: the line of a record; that one, and what comes before it, is left out. Times are to the nanosecond,
            so that no two lines are the same.
    """

    def __init__(self, since: float | None = None, after: bytes = b"") -> None:
        self.last: Record | None = None
        self._since = since
        self._after = after
        self._rest = b""
        self._own: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """The container's bytes in ``data``; a line that is not complete is kept."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return b"".join(self._line(line + b"\n") for line in lines)

    def finish(self) -> bytes:
        """The last line, which had no newline."""
        rest, self._rest = self._rest, b""
        return self._line(rest) if rest else b""

    @property
    def own(self) -> str:
        """What nerdctl said of itself."""
        return b"".join(self._own).decode(errors="replace")

    def _line(self, line: bytes) -> bytes:
        match = _RECORD.match(line)
        if match is None:
            self._own.append(line)
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


def read(caller: Caller, op: Operation, words: Sequence[str], taken: Records) -> Generator[bytes, None, None]:
    """What ``taken`` takes of the output of a ``nerdctl logs`` with these words.

    Raises:
        DvmError: it failed; see `failures.failure`.
    """
    call = caller.nerdctl(words)
    with caller.running(op, Call(words=call.words, merge=True, mark=call.mark)) as channel:
        while (piece := channel.read()) is not None:
            if data := taken.feed(piece[1]):
                yield data
        if data := taken.finish():
            yield data
        code = channel.wait()
    if code:
        raise caller.failed(op, reason(taken.own), words[-1])


def flags(tail: int | None, since: float | None, *, follow: bool) -> list[str]:
    """The words of ``nerdctl logs`` for these wishes.

    >>> flags(5, 1.5, follow=True)
    ['logs', '--timestamps', '--tail', '5', '--since', '1970-01-01T00:00:01Z', '--follow']
    """
    words = ["logs", "--timestamps"]
    if tail is not None:
        words += ["--tail", str(tail)]
    if since is not None:
        moment = datetime.datetime.fromtimestamp(int(since), datetime.UTC)
        words += ["--since", moment.strftime("%Y-%m-%dT%H:%M:%SZ")]
    return [*words, "--follow"] if follow else words
