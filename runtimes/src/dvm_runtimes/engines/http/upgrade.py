"""Taking a connection over from HTTP: the request, and every byte that came behind the answer's header."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dvm_runtimes.engines.http.api_error import NotAnEngineError

from .api_error import ApiError, message_in
from .connection import Wire

_LONGEST_HEADER = 64 * 1024
_LONGEST_BODY = 1024 * 1024


def take_over(wire: Wire, host: str, path: str, body: Mapping[str, object]) -> bytes:
    """Ask for the connection itself; the bytes that have arrived behind the header.

    An HTTP library may have read them into a buffer of its own, where they
    would be lost. So the header is read here.

    Raises:
        ApiError: the engine refused.
        NotAnEngineError: what answered speaks no HTTP.
        EOFError, OSError: the connection broke.
    """
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    )
    wire.sock.sendall(head.encode() + content)
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        piece = wire.sock.recv(65536)
        if not piece:
            raise EOFError("the connection ended before an answer came")
        received += piece
        if len(received) > _LONGEST_HEADER:
            raise NotAnEngineError("the header of the answer does not end")
    status, headers = _header(received[:end])
    rest = received[end + 4 :]
    # Old engines answer 200 and hand the connection over all the same.
    if status in (101, 200):
        return rest
    raise ApiError(status, _words(wire, headers, rest))


def _header(text: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(None, 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise NotAnEngineError(f"it does not speak HTTP: {first[:80]!r}")
    pairs = (line.partition(":") for line in lines)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _words(wire: Wire, headers: Mapping[str, str], rest: bytes) -> str:
    """The sentence in the body of a refusal."""
    length = int(headers.get("content-length") or 0) if headers.get("content-length", "0").isdigit() else 0
    while len(rest) < min(length, _LONGEST_BODY):
        piece = wire.sock.recv(65536)
        if not piece:
            break
        rest += piece
    return message_in(rest)
