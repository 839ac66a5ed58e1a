"""One request to an engine, and everything that may answer instead of one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint, Hints
from dvm_runtimes.engines.docker_api.client import Pong, ping
from dvm_runtimes.engines.docker_api.provider import probe
from dvm_runtimes.engines.http.api_error import ProtocolError

from .made_up import PATIENT, MadeUp

PROFILE = DockerProfile(platform_name="Acme", hints=Hints(start="Start it.", permission="Ask for it."))
ANSWER = b'{"Version":"1.2","ApiVersion":"1.41","Os":"linux","Arch":"amd64"}'


def endpoint(made: MadeUp, name: str = "/e.sock") -> Endpoint:
    return Endpoint.parse(f"unix://{made.path(name)}")


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def test_an_engine_tells_what_it_is(linux: MadeUp) -> None:
    engine = linux.live("/e.sock", version="26.1.5")

    pong = ping(endpoint(linux), PATIENT)

    assert pong == Pong("26.1.5", api_version="1.45", os="linux", server="Docker")
    assert engine.asked == ["/_ping"], "which costs the engine nothing"


@pytest.mark.parametrize("headers", [(), ("Api-Version: 1.30",), ("Server: Acme/7",)], ids=["none", "api", "server"])
def test_headers_that_do_not_tell(linux: MadeUp, headers: tuple[str, ...]) -> None:
    linux.says("/e.sock", http("200 OK", ANSWER, *headers))

    pong = ping(endpoint(linux), PATIENT)

    assert (pong.version, pong.api_version, pong.os) == ("1.2", "1.41", "linux")


def test_an_answer_in_chunks(linux: MadeUp) -> None:
    body = b"".join(b"1\r\n" + bytes([one]) + b"\r\n" for one in ANSWER) + b"0\r\n\r\n"
    linux.says("/e.sock", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

    assert ping(endpoint(linux), PATIENT).version == "1.2"


def test_a_guard_that_hides_the_version(linux: MadeUp) -> None:
    linux.says("/e.sock", http("403 Forbidden", b"no", "Api-Version: 1.47", "Server: Docker/27.0 (linux)"))

    assert ping(endpoint(linux), PATIENT) == Pong("27.0", api_version="1.47", server="Docker")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        http("200 OK", b"<html>hello</html>"),
        http("200 OK", b"[]"),
        http("200 OK", b'{"Version": 7}'),
        http("404 Not Found", b"nothing here"),
        b"\0" * 70000,
    ],
    ids=["ssh", "a web page", "a list", "a number", "404", "zeros"],
)
def test_what_is_no_engine(linux: MadeUp, answer: bytes) -> None:
    linux.says("/e.sock", answer)

    with pytest.raises(ProtocolError):
        ping(endpoint(linux), PATIENT)
    told = probe(endpoint(linux), PROFILE, PATIENT)
    assert told.problem.startswith("is not what answers at ")
    assert not told.reachable
    assert not told.silent


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nothing", "cut short", "bad chunks"],
)
def test_a_connection_that_ends_in_the_middle(linux: MadeUp, answer: bytes) -> None:
    linux.says("/e.sock", answer)

    with pytest.raises(EOFError):
        ping(endpoint(linux), PATIENT)
    assert probe(endpoint(linux), PROFILE, PATIENT).problem == "went away in the middle of the call"


@pytest.mark.parametrize(
    ("arrange", "problem"),
    [
        (lambda made: None, "is not running: there is no socket at {}"),
        (lambda made: made.stale("/e.sock"), "is not running: nothing listens at {}"),
        (lambda made: made.plain_file("/e.sock"), "is not running: nothing listens at {}"),
        (lambda made: made.folder("/e.sock"), "is not running: nothing listens at {}"),
    ],
    ids=["nothing", "stale", "a file", "a folder"],
)
def test_nobody_there(linux: MadeUp, arrange: Callable[[MadeUp], object], problem: str) -> None:
    arrange(linux)

    told = probe(endpoint(linux), PROFILE, PATIENT)

    assert told.problem == problem.format(linux.path("/e.sock"))
    assert told.hint == "Start it."
    assert not told.silent


@pytest.mark.parametrize("silence", [MadeUp.hanging, MadeUp.full], ids=["hanging", "full backlog"])
def test_silence_ends(linux: MadeUp, silence: Callable[[MadeUp, str], object]) -> None:
    silence(linux, "/e.sock")

    with pytest.raises(TimeoutError):
        ping(endpoint(linux), 0.05)
    told = probe(endpoint(linux), PROFILE, 0.05)
    assert told.silent
    assert told.problem.startswith("does not answer at ")


def test_one_byte_at_a_time_ends_too(linux: MadeUp) -> None:
    """The limit is for all of it, not for each read."""
    enough = threading.Event()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(linux.path("/e.sock")))
    server.listen()

    def drip() -> None:
        client, _ = server.accept()
        with client:
            client.recv(4096)
            while not enough.wait(0.01):
                try:
                    client.sendall(b"H")
                except OSError:
                    return  # the client has had enough

    dripping = threading.Thread(target=drip)
    dripping.start()
    with server:
        with pytest.raises(TimeoutError):
            ping(endpoint(linux), 0.1)
        enough.set()
        dripping.join(10)


def test_a_path_that_is_too_long(linux: MadeUp) -> None:
    told = probe(Endpoint.parse(f"unix://{linux.root}/{'x' * 200}/e.sock"), PROFILE, PATIENT)

    assert "too long" in told.problem


def test_a_host_that_is_not_known() -> None:
    told = probe(Endpoint.parse("tcp://no-such-host.invalid:2375"), PROFILE, PATIENT)

    assert "no-such-host.invalid" in told.problem


@pytest.fixture
def tcp_port() -> Iterator[int]:
    """A port where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_tcp(tcp_port: int) -> None:
    told = probe(Endpoint.parse(f"tcp://127.0.0.1:{tcp_port}"), PROFILE, PATIENT)
    assert told.problem == f"is not running: nothing listens at tcp://127.0.0.1:{tcp_port}"

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(http("200 OK", b"OK", "Api-Version: 1.41", "Server: Docker/1.2 (linux)"))

        answering = threading.Thread(target=answer)
        answering.start()
        port = server.getsockname()[1]
        assert ping(Endpoint.parse(f"tcp://localhost:{port}"), PATIENT).version == "1.2"
        answering.join(10)


def test_ssh_is_not_asked_in_passing() -> None:
    told = probe(Endpoint.parse("ssh://ada@example.invalid"), PROFILE, 0.15)

    assert told.problem == "is not asked in passing, for it is behind ssh"
    assert told.silent
    assert "ssh example.invalid" in told.hint


@pytest.fixture
def fake_ssh(linux: MadeUp, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A program named ssh, first on PATH, with this text."""

    def install(text: str) -> None:
        program = linux.write("/bin/ssh", f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    return install


def test_through_ssh(linux: MadeUp, fake_ssh: Callable[[str], None]) -> None:
    linux.write("/answer", http("200 OK", b"OK", "Api-Version: 1.41", "Server: Docker/1.2 (linux)").decode())
    fake_ssh(f"read line; cat {linux.root}/answer")

    assert ping(Endpoint.parse("ssh://example.invalid"), PATIENT).version == "1.2"


def test_ssh_that_is_refused_says_why(fake_ssh: Callable[[str], None]) -> None:
    fake_ssh("echo 'ada@example.invalid: Permission denied (publickey).' >&2; exit 255")

    told = probe(Endpoint.parse("ssh://example.invalid"), PROFILE, PATIENT)

    assert "Permission denied (publickey)" in told.problem


def test_ssh_that_hangs_ends(fake_ssh: Callable[[str], None]) -> None:
    fake_ssh("exec sleep 600")

    assert probe(Endpoint.parse("ssh://example.invalid"), PROFILE, 1.0).silent
