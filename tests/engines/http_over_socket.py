"""Requests to an engine's Docker-compatible API over its Unix socket, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlencode

LIMIT = 60.0


class ApiError(Exception):
    """The engine answered with an error; ``status`` has its number."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=LIMIT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT)
        self.sock.connect(self._path)


def ask(socket_path: str, method: str, path: str, body: Any = None, **query: str) -> Any:
    """One request; the answer as JSON, or as text where it is none.

    Args:
        body: bytes are sent as a tar; anything else as JSON.

    Raises:
        ApiError: the engine answered with an error.
    """
    headers = {}
    if isinstance(body, bytes):
        headers["Content-Type"] = "application/x-tar"
    elif body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    connection = _SocketConnection(socket_path)
    try:
        connection.request(method, f"{path}?{urlencode(query)}" if query else path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status >= 400:
        raise ApiError(answer.status, text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_until(socket_path: str, path: str, word: bytes) -> None:
    """Read a stream that the engine sends until it has said ``word``, or has ended, or says nothing for `LIMIT`."""
    connection = _SocketConnection(socket_path)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = b""
        while word not in said and (more := answer.read1(65536)):
            said += more
    finally:
        connection.close()
