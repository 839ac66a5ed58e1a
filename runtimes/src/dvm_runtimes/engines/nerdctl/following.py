"""A followed log, of which nerdctl loses lines that it reads while they are written.

Where the file ends in half a line at that moment, it drops that and what it has read with it (seen with 2.1.6). One
that reads to the end and stops has every line that is complete. So what is followed only tells when to look, and what
is new is read from the log.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator

from dvm_runtimes.operation import Operation

from .calls import Caller
from .logs import Record, Records, flags, read
from .transport import AbortedError, Call, Channel, TransportError


def follow(
    caller: Caller, op: Operation, container: str, tail: int | None, since: float | None
) -> Generator[bytes, None, None]:
    """What the container writes, until it ends.

    Args:
        tail: only so many lines of what is there already.
        since: seconds since the epoch; what is older is left out.
    """
    last: Record | None = None
    words = flags(tail, since, follow=False)
    with _bell(caller, op, caller.nerdctl((*flags(1, None, follow=True), container))) as bell:
        while True:
            ended = bell.ended
            bell.rang.clear()
            taken = Records(since, after=last.raw if last else b"")
            yield from read(caller, op, (*words, container), taken)
            last = taken.last or last
            words = flags(None, last.time if last else since, follow=False)
            if ended:
                bell.check(caller, op)
                return
            op.wait(bell.rang)


class _Bell:
    """Rings when nerdctl, which follows, has said something, and when it has ended."""

    def __init__(self, channel: Channel) -> None:
        self.rang = threading.Event()
        self.ended = False
        self._channel = channel
        self._error: AbortedError | TransportError | None = None
        self.thread = threading.Thread(target=self._listen, name="dvm-follow", daemon=True)

    def _listen(self) -> None:
        try:
            while self._channel.read() is not None:
                self.rang.set()
        except (AbortedError, TransportError) as error:
            self._error = error
        self.ended = True
        self.rang.set()

    def check(self, caller: Caller, op: Operation) -> None:
        """Raise what ended it too early, if that was so."""
        with caller.typed(op):
            if self._error is not None:
                raise self._error


@contextlib.contextmanager
def _bell(caller: Caller, op: Operation, call: Call) -> Iterator[_Bell]:
    with caller.running(op, call) as channel:
        bell = _Bell(channel)
        bell.thread.start()
        try:
            yield bell
        finally:
            channel.abort()
            bell.thread.join()
