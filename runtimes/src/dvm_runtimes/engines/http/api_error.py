"""What an engine answers instead of a result: an HTTP error response, or something that is no engine."""

from __future__ import annotations

import json


class ApiError(Exception):
    """An HTTP error response: status and message.

    Args:
        status: of HTTP, 400 or more.
        message: the engine's own sentence.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class NotAnEngineError(ConnectionError):
    """Something answered, but not a container engine."""


class SshError(ConnectionError):
    """ssh ended before the engine said anything; the text is ssh's own."""


def message_in(body: bytes) -> str:
    """The message in the body of an error response.

    >>> message_in(b'{"message": "no such container: db"}')
    'no such container: db'
    """
    text = body.decode(errors="replace").strip()
    try:
        # Cut where it was not read to its end, or as it came: what lies around the object is left out.
        return str(json.loads(text[text.find("{") : text.rfind("}") + 1])["message"])
    except (ValueError, KeyError, TypeError):
        return text
