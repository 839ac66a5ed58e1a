"""`Reader`: the thread that reads the client's messages."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator

from dvm_runtimes.jsonrpc.frames import FrameDecoder, MalformedFrame

from .errors import PARSE_ERROR, RequestError
from .messages import Message, Refused, decode

_CHUNK = 256 * 1024
_AHEAD = 8
"""Chunks that may be read ahead; then the client has to wait."""

_HANGUP_CHECK = 0.2
"""Seconds between two checks whether a waiting client is still connected."""


class Reader:
    """Reads messages from a descriptor until its end.

    Args:
        descriptor: closed by `close`.
        deliver: called with the messages of each chunk; `handled` must be called once they are handled.
        on_end: called once, when the client has closed the connection.
    """

    def __init__(
        self,
        descriptor: int,
        deliver: Callable[[list[Message]], object],
        on_end: Callable[[], object],
    ) -> None:
        self._descriptor = descriptor
        self._deliver = deliver
        self._on_end = on_end
        self._frames = FrameDecoder()
        self._ahead = threading.Semaphore(_AHEAD)
        self._stopped = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        if sys.platform != "win32":  # where poll() takes only sockets
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLIN)
            self._poll.register(self._wake_read, select.POLLIN)
        self._thread = threading.Thread(target=self._run, name="dvm-reader", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def handled(self) -> None:
        """The messages of one `deliver` call were handled."""
        self._ahead.release()

    def close(self, seconds: float) -> None:
        """Stop the thread, and wait for its end at most ``seconds``."""
        self._stopped.set()
        os.write(self._wake_write, b".")
        self._ahead.release()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))
        if not self._thread.is_alive():
            for descriptor in (self._descriptor, self._wake_read, self._wake_write):
                os.close(descriptor)

    def _run(self) -> None:
        while not self._stopped.is_set():
            data = self._read()
            if not data:
                break
            messages = list(self._messages(data))
            if not messages:
                continue
            # While the client does not read its responses, no further requests are handled.
            while not self._ahead.acquire(timeout=_HANGUP_CHECK):
                if self._hung_up():
                    self._on_end()
                    return
            if self._stopped.is_set():
                return
            self._deliver(messages)
        if not self._stopped.is_set():
            self._on_end()

    def _messages(self, data: bytes) -> Iterator[Message]:
        for item in self._frames.feed(data):
            if isinstance(item, MalformedFrame):
                yield Refused(None, RequestError(PARSE_ERROR, f"Malformed frame: {item.reason}"))
                continue
            message = decode(item)
            if isinstance(message, Refused) and message.error.code == PARSE_ERROR:
                self._frames.unread(item)
            yield message

    def _read(self) -> bytes:
        try:
            if sys.platform != "win32" and any(ready == self._wake_read for ready, _ in self._poll.poll()):
                return b""
            return os.read(self._descriptor, _CHUNK)
        except OSError:
            return b""

    def _hung_up(self) -> bool:
        if sys.platform == "win32":
            return False
        return any(
            ready == self._descriptor and events & (select.POLLHUP | select.POLLERR)
            for ready, events in self._poll.poll(0)
        )
