"""`Work`: a request whose command runs on a thread, with its cancel token and its progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from dvm_runtimes.operation import CancelToken

from .messages import Id

_INTERVAL = 0.1
"""Seconds between two reports of the same step."""


class ProgressClient(Protocol):
    """What `Progress` needs of the server."""

    can_show_progress: bool

    def notify_client(self, method: str, params: Any) -> None:
        """Send a notification."""

    def request_client(self, method: str, params: Any, on_reply: Any) -> Id:
        """Send a request; ``on_reply`` is called with the result and the error of its response."""

    def wait_for_room(self, cancel: threading.Event) -> None:
        """Wait until the client has read most of what it was sent, or ``cancel``."""


class Progress:
    """The work done progress of one command; does nothing if the client does not support it.

    Args:
        client: sends the notifications.
        token: the request's ``workDoneToken``; None creates one when the progress begins.
        own_token: the token to create.
        cancel: the command's; once it is set, reports do not wait for the client.
    """

    def __init__(self, client: ProgressClient, token: Id | None, own_token: str, cancel: CancelToken) -> None:
        self._client = client
        self._cancel = cancel
        self._given = token is not None
        self.token: Id = own_token if token is None else token
        """The token that ``window/workDoneProgress/cancel`` names."""
        self._lock = threading.Lock()
        self._title: str | None = None
        self._last: dict[str, Any] = {}
        self._sent_at = 0.0
        self._open = False
        self._ended = False

    def begin(self, title: str) -> None:
        """Begin, with a button to cancel; only the first call counts."""
        with self._lock:
            if self._title is not None or self._ended:
                return
            self._title = title
            if self._given:
                self._send_begin()
                return
        if self._client.can_show_progress:
            # The work does not wait for the token; the last report is sent once the client has accepted it.
            self._client.request_client("window/workDoneProgress/create", {"token": self.token}, self._created)

    def report(self, message: str, percentage: int | None = None) -> None:
        """Report a step."""
        value: dict[str, Any] = {"kind": "report", "cancellable": True, "message": message}
        if percentage is not None:
            value["percentage"] = percentage
        with self._lock:
            if self._title is None or self._ended:
                return
            now = time.monotonic()
            if value == self._last:
                return
            self._last = value
            if not self._open:
                return
            self._sent_at = now
            self._send(value)
        self._client.wait_for_room(self._cancel)

    def figures(self, message: str, percentage: int | None = None) -> None:
        """Report the progress within a step; skipped when the last report was less than 0.1 s ago."""
        if time.monotonic() - self._sent_at >= _INTERVAL:
            self.report(message, percentage)

    def end(self, message: str = "") -> None:
        """End; only the first call counts."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            if self._open:
                self._send_end(message)

    def _created(self, _result: Any, error: Any) -> None:
        if error is not None:
            return
        with self._lock:
            self._send_begin()
            if self._last:
                self._send(self._last)
            if self._ended:
                self._send_end("")

    def _send_begin(self) -> None:
        self._open = True
        begin: dict[str, Any] = {"kind": "begin", "title": self._title, "cancellable": True}
        self._send(begin)

    def _send_end(self, message: str) -> None:
        self._open = False
        self._send({"kind": "end", **({"message": message} if message else {})})

    def _send(self, value: dict[str, Any]) -> None:
        self._client.notify_client("$/progress", {"token": self.token, "value": value})


@dataclass(slots=True, eq=False)
class Work:
    """A request whose command runs on a thread.

    Attributes:
        id: the request's.
        command: the command's ID.
        argument: the first argument; None without one.
        progress: shows the client the progress.
        size: bytes of the request.
        cancel: set when the client cancels the request, and at the end of the server; the command cleans up and ends.
    """

    id: Id
    command: str
    argument: Any
    progress: Progress
    cancel: CancelToken
    size: int = 0


class NeedsThreadError(Exception):
    """A command on the event loop cannot answer at once."""


class RunOnThread:
    """What a command on the event loop returns to be continued on a thread.

    Args:
        function: called with the `Work`; its result is the command's.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Work], Any]) -> None:
        self.function = function
