"""Everything that comes from the client: one thread that reads it and does nothing else."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator

from .failures import PARSE_ERROR, RequestError
from .framing import Framer, Garbled
from .messages import Message, Refused, decode
from .writer import Writer

_CHUNK = 256 * 1024
_AHEAD = 8
"""Chunks that may be read but not yet handled; then the client waits."""


class Reader:
    """Reads one descriptor until its end and hands over what was sent.

    Args:
        descriptor: where to read; closed at the end.
        deliver: given the messages of one chunk; whoever handled them calls `handled`.
        on_end: called once, when the client has closed its side.
        writer: while the client is far behind with reading it, nothing more is read.
    """

    def __init__(
        self,
        descriptor: int,
        deliver: Callable[[list[Message]], object],
        on_end: Callable[[], object],
        writer: Writer,
    ) -> None:
        self._descriptor = descriptor
        self._deliver = deliver
        self._on_end = on_end
        self._writer = writer
        self._framer = Framer()
        self._ahead = threading.Semaphore(_AHEAD)
        self._stopped = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="dvm-reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def handled(self) -> None:
        """The messages of one delivery have been dealt with."""
        self._ahead.release()

    def close(self, seconds: float) -> None:
        """Stop reading, and wait for the thread at most so long."""
        self._stopped = True
        os.write(self._wake_write, b".")
        self._ahead.release()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))

    def _run(self) -> None:
        while not self._stopped:
            data = self._read()
            if not data:
                break
            messages = list(self._messages(data))
            if not messages:
                continue
            self._ahead.acquire()
            if self._stopped:
                break
            self._deliver(messages)
            # A client that does not read its answers gets no more of them made.
            while self._writer.full and not self._stopped and not self._hung_up():
                self._writer.wait_for_room(0.2)
        if not self._stopped:
            self._on_end()

    def _messages(self, data: bytes) -> Iterator[Message]:
        for item in self._framer.feed(data):
            if isinstance(item, Garbled):
                yield Refused(None, RequestError(PARSE_ERROR, f"What was sent is no message: {item.reason}"))
                continue
            message = decode(item)
            if isinstance(message, Refused) and message.error.code == PARSE_ERROR:
                self._framer.give_back(item)
            yield message

    def _read(self) -> bytes:
        try:
            if sys.platform != "win32":  # there, only sockets can be waited for
                poll = select.poll()
                poll.register(self._descriptor, select.POLLIN)
                poll.register(self._wake_read, select.POLLIN)
                if any(descriptor == self._wake_read for descriptor, _ in poll.poll()):
                    return b""
            return os.read(self._descriptor, _CHUNK)
        except OSError:
            return b""

    def _hung_up(self) -> bool:
        if sys.platform == "win32":
            return False
        poll = select.poll()
        poll.register(self._descriptor, 0)
        return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))
