"""Requests of the server to its client, and where their answers go."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from .messages import Id, Reply

MAX_OPEN = 1000
"""Requests that may be unanswered; a client that answers none makes the oldest ones be forgotten."""

OnReply = Callable[[Any, Any], object]


class Outgoing:
    """The open requests."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[Id, OnReply] = {}

    def __len__(self) -> int:
        return len(self._open)

    def new(self, on_reply: OnReply) -> Id:
        """The ID for a request whose answer goes to ``on_reply``."""
        identifier = f"dvm-{next(self._numbers)}"
        self._open[identifier] = on_reply
        while len(self._open) > MAX_OPEN:
            self._open.pop(next(iter(self._open)), None)
        return identifier

    def answered(self, reply: Reply) -> None:
        """Hand an answer over; one that nobody asked for is dropped."""
        on_reply = self._open.pop(reply.id, None)
        if on_reply is not None:
            on_reply(reply.result, reply.error)
