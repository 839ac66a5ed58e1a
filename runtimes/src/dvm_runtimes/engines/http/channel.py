"""HTTP over one connection, one request after another."""

from __future__ import annotations

import http.client
import selectors
from collections.abc import Mapping
from typing import Any

from .api_error import ProtocolError
from .connection import Connection


class Channel:
    """HTTP over a `Connection`, one request after another."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Its address is never used: it has its socket.
        self.http = http.client.HTTPConnection("localhost")
        self.http.auto_open = 0
        self.http.sock = connection.sock

    def ask(self, method: str, target: str, body: Any, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Send a request; the head of its answer.

        Raises:
            ProtocolError: what answered speaks no HTTP.
            EOFError, OSError: the connection broke.
        """
        unsent: OSError | None = None
        try:
            self.http.request(method, target, body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError) as error:
            # It would not take all of it; its answer may say why.
            unsent = error
        try:
            return self.http.getresponse()
        except (OSError, http.client.HTTPException) as error:
            if unsent is not None:
                raise unsent from None
            if isinstance(error, http.client.RemoteDisconnected):
                raise EOFError("the connection was closed before any answer") from None
            if isinstance(error, http.client.HTTPException):
                raise ProtocolError(f"no HTTP ({type(error).__name__})") from None
            raise

    @property
    def is_quiet(self) -> bool:
        """Whether it still waits for a request; a server that has closed it shows as something to read."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.connection.sock, selectors.EVENT_READ)
                return not selector.select(0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Close the connection."""
        self.http.close()
        self.connection.close()
