"""Requests and answers as they travel: what engines, and what stands between, may do to a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint
from dvm_runtimes.engines.docker_api.client import DockerClient
from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.engines.http.api_error import ApiError, ProtocolError
from dvm_runtimes.engines.http.connection import cut
from dvm_runtimes.errors import OperationCancelledError, RuntimeUnavailableError
from dvm_runtimes.operation import CancelToken, Operation

LIMIT = 30.0
Talk = Callable[[socket.socket], object]


class Other:
    """The other end: each of its connections is held as the next of ``talks`` has it."""

    def __init__(self, path: Path) -> None:
        self.endpoint = Endpoint.parse(f"unix://{path}")
        self.talks: list[Talk] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(8)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Wait until it has held its connections; none comes any more."""
        cut(self._server)
        self._thread.join(LIMIT)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            with caller:
                caller.settimeout(LIMIT)
                self.talks.pop(0)(caller)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    with closing(Other(tmp_path / "engine.sock")) as other:
        yield other


@pytest.fixture
def client(other: Other) -> Iterator[DockerClient]:
    with closing(DockerClient(other.endpoint)) as client:
        yield client


def head(caller: socket.socket) -> str:
    """Read a request to the end of its head."""
    text = b""
    while not text.endswith(b"\r\n\r\n") and (one := caller.recv(1)):
        text += one
    return text.decode()


def says(*answers: bytes) -> Talk:
    """One answer to each request, then the end."""

    def talk(caller: socket.socket) -> None:
        for answer in answers:
            assert head(caller)
            caller.sendall(answer)

    return talk


def with_length(body: bytes, length: int | None = None, status: str = "200 OK") -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


def in_chunks(*bodies: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    chunks = b"".join(f"{len(body):x}\r\n".encode() + body + b"\r\n" for body in bodies)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + end


def test_one_connection_serves_one_call_after_the_other(other: Other, client: DockerClient) -> None:
    other.talks = [says(with_length(b"[1]"), in_chunks(b"[", b"2]"), with_length(b"[3]"))]
    assert [client.get("/list") for _ in range(3)] == [[1], [2], [3]]
    assert (client.requests, client.connections) == (3, 1)


def test_a_stream_that_was_read_to_its_end_leaves_its_connection(other: Other, client: DockerClient) -> None:
    other.talks = [says(in_chunks(b"one", b"two"), with_length(b"three"), with_length(b"[]"))]
    for expected in (b"onetwo", b"three"):
        assert b"".join(client.call("GET", "/stream", stream=True).pieces()) == expected
    assert client.get("/list") == []
    assert client.connections == 1


def test_a_stream_that_is_closed_early_takes_its_connection_along(other: Other, client: DockerClient) -> None:
    other.talks = [says(in_chunks(b"one", end=b"")), says(with_length(b"[]"))]
    stream = client.call("GET", "/stream", stream=True)
    assert next(stream.pieces()) == b"one"
    stream.close()
    stream.cut()
    assert client.get("/list") == []
    assert client.connections == 2


def test_an_engine_that_has_closed_an_idle_connection_is_called_anew(other: Other, client: DockerClient) -> None:
    other.talks = [says(with_length(b"[1]")), says(with_length(b"[2]"))]
    assert client.get("/list") == [1]
    (channel,) = client._idle
    assert channel.connection.sock.recv(1, socket.MSG_PEEK) == b""  # it has
    assert client.get("/list") == [2]


def test_an_answer_that_asks_for_the_end_of_the_connection_gets_it(other: Other, client: DockerClient) -> None:
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n[1]"
    other.talks = [says(last), says(with_length(b"[2]"))]
    assert [client.get("/list"), client.get("/list")] == [[1], [2]]
    assert client.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        with_length(b'[{"Id": ', 4000),
        in_chunks(b'[{"Id": ', end=b""),
        in_chunks(b'[{"Id": ', end=b"ff\r\n"),
        in_chunks(b"[", end=b"what?\r\n"),
    ],
    ids=["length", "no end", "no chunk", "no size"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_half_an_answer_is_none(other: Other, client: DockerClient, answer: bytes, stream: bool) -> None:
    other.talks = [says(answer)]
    with pytest.raises(EOFError, match="ended in the middle"), closing(client.call("GET", "/", stream=stream)) as got:
        list(got.pieces())


def test_a_body_that_only_the_connection_ends_is_not_whole_when_it_was_cut(other: Other) -> None:
    def talk(caller: socket.socket) -> None:
        for answer in (with_length(b"OK"), b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none"):
            head(caller)
            caller.sendall(answer)
        caller.recv(1)

    other.talks = [talk]
    cancel = CancelToken()
    with (
        closing(DockerEngine(other.endpoint, DockerProfile())) as engine,
        Operation("logs", timeout=LIMIT, cancel=cancel) as op,
    ):
        engine.negotiate(op)
        body = engine.pieces(op, engine.stream("GET", "/logs", params={}))
        assert next(body) == b"one"
        cancel.set()
        with pytest.raises(OperationCancelledError):
            next(body)


def test_what_is_sent(other: Other, client: DockerClient) -> None:
    seen: list[str] = []

    def talk(caller: socket.socket) -> None:
        seen.append(head(caller))
        caller.sendall(with_length(b"{}"))

    other.talks = [talk]
    params = {"all": True, "size": False, "limit": None, "t": ["a:1", "b:2"], "filters": {"label": ["x=y"]}}
    client.call("GET", "/images/{}/json", "shop/app:1@sha256:0 é", params=params)
    line, *headers = seen[0].split("\r\n")
    query = "all=1&t=a%3A1&t=b%3A2&filters=%7B%22label%22%3A+%5B%22x%3Dy%22%5D%7D"
    assert line == f"GET /v1.24/images/shop/app:1@sha256:0%20%C3%A9/json?{query} HTTP/1.1"
    assert "Host: localhost" in headers
    assert "Accept-Encoding: identity" in headers  # an engine would pack whole archives


def test_a_refusal_has_its_status_and_words(other: Other, client: DockerClient) -> None:
    other.talks = [
        says(
            with_length(b'{"message":"no such container: x"}', status="404 Not Found"),
            with_length(b"", status="503 Service Unavailable"),
            with_length(b"go away", status="403 Forbidden"),
        )
    ]
    refusals = []
    for _ in range(3):
        with pytest.raises(ApiError) as caught:
            client.call("POST", "/containers/{}/start", "x")
        refusals.append((caught.value.status, caught.value.message))
    assert refusals == [(404, "no such container: x"), (503, "Service Unavailable"), (403, "go away")]
    assert client.connections == 1


def test_a_refusal_in_the_middle_of_what_is_sent_is_heard(other: Other, client: DockerClient) -> None:
    """An engine whose disk is full does not read the rest of an archive."""

    def talk(caller: socket.socket) -> None:
        assert "chunked" in head(caller)
        caller.sendall(with_length(b'{"message":"no space left on device"}', status="500 Internal Server Error"))
        caller.shutdown(socket.SHUT_RD)

    other.talks = [talk]
    endless = iter(lambda: b"x" * 65536, b"")
    with pytest.raises(ApiError, match="no space left") as caught:
        client.call("PUT", "/containers/{}/archive", "x", data=endless)
    assert caught.value.status == 500


def test_what_fails_while_it_is_made_is_not_sent_to_its_end(other: Other, client: DockerClient) -> None:
    got: list[bytes] = []

    def talk(caller: socket.socket) -> None:
        head(caller)
        while piece := caller.recv(65536):
            got.append(piece)

    def archive() -> Iterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    other.talks = [talk]
    with pytest.raises(ZeroDivisionError):
        client.call("PUT", "/archive", data=archive())
    other.close()
    assert b"".join(got) == b"3\r\none\r\n"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200])
def test_what_answers_is_no_engine(other: Other, client: DockerClient, answer: bytes) -> None:
    other.talks = [says(answer)]
    with pytest.raises(ProtocolError, match="no HTTP"):
        client.get("/list")


def test_an_answer_that_is_no_json_is_told_as_what_it_is(other: Other) -> None:
    other.talks = [says(with_length(b"OK"), with_length(b"<html>sign in</html>"))]
    with (
        closing(DockerEngine(other.endpoint, DockerProfile())) as engine,
        Operation("list", timeout=LIMIT) as op,
        pytest.raises(RuntimeUnavailableError, match=r"is not what answers at .*no JSON"),
    ):
        engine.list_containers(op, {})


def test_a_connection_that_ends_without_an_answer(other: Other, client: DockerClient) -> None:
    other.talks = [head]
    with pytest.raises(EOFError, match="before any answer"):
        client.get("/list")


def test_calls_that_end_after_the_client_leave_no_connection(other: Other, client: DockerClient) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def talk(caller: socket.socket) -> None:
        head(caller)
        asked.set()
        assert go_on.wait(LIMIT)
        caller.sendall(with_length(b"[1]"))
        ended.append(caller.recv(1))

    ended: list[bytes] = []
    found: list[object] = []
    other.talks = [talk]
    caller = threading.Thread(target=lambda: found.append(client.get("/list")))
    caller.start()
    assert asked.wait(LIMIT)
    client.close()
    go_on.set()
    caller.join(LIMIT)
    assert found == [[1]]
    other.close()
    assert ended == [b""]
