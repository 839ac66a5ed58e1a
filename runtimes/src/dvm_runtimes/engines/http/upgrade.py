"""Taking a connection over from HTTP: the request, and every byte that came behind the response's header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .api_error import ApiError, ProtocolError, message_in
from .connection import Connection

_LONGEST_HEADER = 64 * 1024
_LONGEST_BODY = 1024 * 1024


class Upgraded(NamedTuple):
    """A connection that the server has handed over.

    Attributes:
        connection: the caller closes it.
        early: the bytes that came behind the response's header.
        headers: of the response, by their names in lower case.
    """

    connection: Connection
    early: bytes
    headers: Mapping[str, str]


def take_over(
    connection: Connection, target: str, headers: Mapping[str, str], body: bytes = b"", *, method: str = "POST"
) -> Upgraded:
    """Ask for the connection itself.

    An HTTP library may read bytes behind the header into a buffer of its own,
    where they would be lost. So the header is read here.

    Args:
        connection: a new one, made by `dial_session`.
        target: path and query.
        headers: have ``Host`` and ``Upgrade``.

    Raises:
        ApiError: the server refused.
        ProtocolError: what answered does not speak HTTP.
        EOFError, OSError: the connection broke.
    """
    own = {"Connection": "Upgrade", "Content-Length": str(len(body))}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in {**headers, **own}.items()), "", ""]
    connection.sock.sendall("\r\n".join(lines).encode("latin-1") + body)
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        piece = connection.sock.recv(65536)
        if not piece:
            raise EOFError("the connection ended before an answer came")
        received += piece
        if len(received) > _LONGEST_HEADER:
            raise ProtocolError("the header of the answer does not end")
    status, answered = _header(received[:end])
    rest = received[end + 4 :]
    # Old engines answer 200 and hand the connection over all the same.
    if status in (101, 200):
        return Upgraded(connection, rest, answered)
    raise ApiError(status, _message(connection, answered, rest), answered)


def _header(text: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = text.decode("latin-1").split("\r\n")
    fields = first.split(None, 2)
    if len(fields) < 2 or not fields[0].startswith("HTTP/") or not fields[1].isdigit():
        raise ProtocolError(f"it does not speak HTTP: {first[:80]!r}")
    pairs = (line.partition(":") for line in lines)
    return int(fields[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _message(connection: Connection, headers: Mapping[str, str], rest: bytes) -> str:
    """The message in the body of an error response."""
    length = int(headers.get("content-length") or 0) if headers.get("content-length", "0").isdigit() else 0
    while len(rest) < min(length, _LONGEST_BODY):
        piece = connection.sock.recv(65536)
        if not piece:
            break
        rest += piece
    return message_in(rest)
