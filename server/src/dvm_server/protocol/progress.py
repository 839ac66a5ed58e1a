"""What a client shows of work that takes its time: begin, reports and end under one token."""

from __future__ import annotations

import threading
import time
from typing import Any, Protocol

from .messages import Id

_INTERVAL = 0.1
"""Seconds between two reports that differ in their figures alone."""


class Client(Protocol):
    """The side that progress is shown to."""

    can_show_progress: bool

    def tell(self, method: str, params: Any) -> None:
        """Send a notification."""

    def ask(self, method: str, params: Any, on_reply: Any) -> Id:
        """Send a request; ``on_reply`` is called with its result and its error."""

    def wait_for_room(self) -> None:
        """Return once the client reads what it is sent."""


class Progress:
    """The progress of one command; does nothing if the client cannot show any.

    Args:
        client: whom to tell.
        token: the client's own ``workDoneToken``; None asks it for one when there is something to show.
        own_token: the token to ask for.
    """

    def __init__(self, client: Client, token: Id | None, own_token: str) -> None:
        self._client = client
        self._given = token is not None
        self.token: Id = own_token if token is None else token
        """What `window/workDoneProgress/cancel` names."""
        self._lock = threading.Lock()
        self._title: str | None = None
        self._last: dict[str, Any] = {}
        self._sent_at = 0.0
        self._open = False
        self._ended = False

    def begin(self, title: str) -> None:
        """Show that work has begun, with a way to cancel it."""
        with self._lock:
            if self._title is not None or self._ended:
                return
            self._title = title
            if self._given:
                self._send_begin()
                return
        if self._client.can_show_progress:
            # The work does not wait for the client; what it misses is sent once the token is there.
            self._client.ask("window/workDoneProgress/create", {"token": self.token}, self._created)

    def report(self, message: str, percentage: int | None = None) -> None:
        """Show a step."""
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
        self._client.wait_for_room()

    def figures(self, message: str, percentage: int | None = None) -> None:
        """Show how far a step is; left out when the last report is fresh."""
        if time.monotonic() - self._sent_at >= _INTERVAL:
            self.report(message, percentage)

    def end(self, message: str = "") -> None:
        """Show that it is over; more than once does nothing."""
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
        self._client.tell("$/progress", {"token": self.token, "value": value})
