"""Malformed requests and frames: each costs one error response, and the next request is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.wire_client import COMMANDS_ONLY, WireClient, framed, serving


@pytest.fixture(scope="module")
def lasting() -> Iterator[WireClient]:
    """One server for all that must not end it."""
    with serving(*COMMANDS_ONLY) as client:
        yield client


BAD_REQUESTS: list[tuple[bytes | dict[str, Any], int]] = [
    ({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand", "params": {"command": 5}}, -32602),
    ({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand", "params": {}}, -32602),
    ({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand"}, -32602),
    ({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand", "params": 5}, -32602),
    ({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand", "params": {"command": "nobody"}}, -32602),
    (
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "workspace/executeCommand",
            "params": {"command": "echo", "arguments": {"a": 1}},
        },
        -32602,
    ),
    (
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "workspace/executeCommand",
            "params": {"command": "echo", "arguments": [1, 2]},
        },
        -32602,
    ),
    ({"jsonrpc": "2.0", "id": 1, "method": "nobody/knows"}, -32601),
    ({"jsonrpc": "1.0", "id": 1, "method": "shutdown"}, -32600),
    ({"id": 1, "method": "shutdown"}, -32600),
    ({"jsonrpc": "2.0", "id": 1, "method": 5}, -32600),
    ({"jsonrpc": "2.0", "id": 1}, -32600),
]
NO_REQUESTS: list[tuple[bytes, int]] = [
    (b'[{"jsonrpc":"2.0","id":1,"method":"shutdown"}]', -32600),
    (b"[]", -32600),
    (b"5", -32600),
    (b"null", -32600),
    (b"{", -32700),
    (b"", -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"shutdown","params":NaN}', -32700),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"shutdown"}', -32600),
    (b'{"jsonrpc":"2.0","id":true,"method":"shutdown"}', -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"shutdown"}', -32600),
    (b'{"jsonrpc":"2.0","id":{},"method":"shutdown"}', -32600),
    (b"[" * 100_000, -32700),
]


@pytest.mark.parametrize(("message", "code"), BAD_REQUESTS)
def test_d6_a_bad_request_gets_its_answer(lasting: WireClient, message: dict[str, Any], code: int) -> None:
    lasting.send({**message, "id": "bad"})
    error = lasting.error("bad")
    assert error.code == code
    assert {"kind", "platform", "operation", "hint"} <= error.data.keys()
    assert lasting.command("echo", "next") == "next"


@pytest.mark.parametrize(("body", "code"), NO_REQUESTS)
def test_d6_what_has_no_id_is_answered_with_null(lasting: WireClient, body: bytes, code: int) -> None:
    lasting.send_bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    assert lasting.error(None).code == code
    assert lasting.command("echo", "next") == "next"


HEADS = [
    b"content-length: %d\r\n\r\n",
    b"CONTENT-LENGTH:%d\r\n\r\n",
    b"Content-Length: %d\n\n",
    b"Content-Length:\t%d  \r\n\r\n",
    b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
    b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc; charset=utf8\r\n\r\n",
    b"Content-Length: %d\r\nX-Other: yes\r\n\r\n",
    b"\r\n\r\nContent-Length: %d\r\n\r\n",
]


@pytest.mark.parametrize("head", HEADS)
def test_d9_headers_are_read_as_http_reads_them(lasting: WireClient, head: bytes) -> None:
    body = b'{"jsonrpc":"2.0","id":"x","method":"workspace/executeCommand","params":{"command":"echo"}}'
    lasting.send_bytes(head % len(body) + body)
    assert lasting.answer("x") is None


BAD_HEADS = [
    b"Content-Length: 4000000000\r\n\r\n",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: ten\r\n\r\n{}",
    b"Content-Length: 99999999999999999999999999\r\n\r\n{}",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    b"Content-Type: text/plain\r\n\r\n{}",
    b"no header\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"Content-Length: 2\r\nContent-Type: x; charset=utf-16\r\n\r\n{}",
    b"X: " + b"y" * 20_000 + b"\r\n\r\n",
]


@pytest.mark.parametrize("head", BAD_HEADS)
def test_d9_what_is_no_frame_costs_an_error_and_no_more(lasting: WireClient, head: bytes) -> None:
    lasting.send_bytes(head)
    lasting.send_bytes(framed({"jsonrpc": "2.0", "id": 7, "method": "nobody"}))
    assert lasting.error(None).code == -32700
    assert lasting.error(7).code == -32601
    assert lasting.command("counts")["kilobytes"] < 200_000


def test_d9_a_length_that_is_too_large_does_not_swallow_the_next_request(lasting: WireClient) -> None:
    following = framed({"jsonrpc": "2.0", "id": 8, "method": "nobody"})
    body = b'{"jsonrpc":"2.0","id":7,"method":"nobody"}'
    lasting.send_bytes(b"Content-Length: %d\r\n\r\n%b%b" % (len(body) + len(following), body, following))
    assert lasting.error(None).code == -32700
    assert lasting.error(8).code == -32601
