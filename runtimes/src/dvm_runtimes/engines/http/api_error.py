"""What a server answers instead of a result: an HTTP error response, or something that is not HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping


class ApiError(Exception):
    """An HTTP error response: status and message.

    Args:
        status: of HTTP, 400 or more.
        message: the server's own sentence.
        headers: of the response.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class ProtocolError(ConnectionError):
    """Something answered, but not the API that is expected there."""


def message_in(body: bytes) -> str:
    """The message in the body of an error response.

    >>> message_in(b'{"message": "no such container: db"}')
    'no such container: db'
    """
    text = body.decode(errors="replace").strip()
    try:
        # The body may be cut short, or come with its chunk sizes around the object.
        return str(json.loads(text[text.find("{") : text.rfind("}") + 1])["message"])
    except (ValueError, KeyError, TypeError):
        return text
