"""Connections that are not made, hang, break or are cut; and what is left of them."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint, Tls, connect
from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.engines.docker_api.ssh import ssh_command
from dvm_runtimes.engines.http.api_error import ApiError, ProtocolError
from dvm_runtimes.engines.http.connection import Connection, dial
from dvm_runtimes.engines.http.upgrade import take_over
from dvm_runtimes.errors import (
    DvmError,
    LocalFileError,
    OperationCancelledError,
    OperationTimeoutError,
    RuntimeUnavailableError,
    UnsupportedError,
)
from dvm_runtimes.operation import CancelToken, Operation
from dvm_runtimes.options import ExecOptions, StartOptions
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT, Start, runtime_at

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[str]:
    """An engine that takes connections and says nothing."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "hanging.sock"))
        server.listen(8)
        yield f"unix://{tmp_path}/hanging.sock"


def answering(folder: Path, answer: bytes) -> tuple[str, threading.Thread]:
    """Something that gives one answer to whatever is asked, once."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "odd.sock"))
    server.listen(1)

    def run() -> None:
        with server, server.accept()[0] as caller:
            caller.recv(65536)
            caller.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    return f"unix://{folder}/odd.sock", thread


# Not made


@pytest.mark.parametrize("kind", ["nothing", "file", "stale"])
def test_where_nobody_listens(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "docker.sock"
    if kind == "file":
        path.write_text("")
    if kind == "stale":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
    with pytest.raises(RuntimeUnavailableError, match="is not running") as caught:
        connect(Endpoint.parse(f"unix://{path}"))
    assert "systemctl start docker" in caught.value.hint
    assert caught.value.platform == "Docker Engine"


def test_a_host_that_has_no_name() -> None:
    with pytest.raises(RuntimeUnavailableError, match="not known"):
        connect(Endpoint.parse("tcp://no-such-host.invalid:2375"))


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read: No such file"), ("no certificate", "not a certificate")]
)
def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, reason: str) -> None:
    ca = tmp_path / "ca.pem"
    if content:
        ca.write_text(content)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LocalFileError, match=f"ca.pem.*{reason}"):
            connect(Endpoint.parse(f"tcp://127.0.0.1:{port}", tls=Tls(ca=ca)))


def test_what_is_no_engine(tmp_path: Path) -> None:
    url, thread = answering(tmp_path, b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(DvmError) as caught:
        connect(Endpoint.parse(url))
    thread.join(LIMIT)
    assert isinstance(caught.value, RuntimeUnavailableError)


def test_a_full_backlog_is_waited_for_and_then_told(tmp_path: Path) -> None:
    """An engine that hangs takes no more connections at some time; the call's own limit holds."""
    path = str(tmp_path / "full.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(8)]
        for sock in waiting:
            sock.setblocking(False)
            try:
                sock.connect(path)
            except BlockingIOError:
                pass  # full now
        with runtime_at(f"unix://{path}") as runtime, pytest.raises(OperationTimeoutError):
            runtime.list_images(timeout=0.5)
        for sock in waiting:
            sock.close()


# Hanging


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A TCP port that answers no attempt to connect: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as stack:
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def cancelled_soon() -> CancelToken:
    cancel = CancelToken()
    threading.Timer(0.3, cancel.set).start()
    return cancel


@pytest.mark.parametrize("tls", [None, Tls(verify=False)])
def test_connecting_ends_with_the_call(silent_port: int, tls: Tls | None) -> None:
    engine = DockerEngine(Endpoint.parse(f"tcp://127.0.0.1:{silent_port}", tls=tls), DockerProfile())
    with closing(ContainerRuntime(engine)) as runtime:
        with pytest.raises(OperationTimeoutError):
            runtime.list_images(timeout=0.3)
        with pytest.raises(OperationCancelledError):
            runtime.list_images(timeout=None, cancel=cancelled_soon())


def test_looking_up_a_name_ends_with_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver has no limit, and nothing can interrupt it."""
    answer = threading.Event()

    def look_up(host: str, port: int, *, flags: int, **kwargs: Any) -> list[Any]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        answer.wait(LIMIT)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        with runtime_at("tcp://engine.example:2375") as runtime:
            with pytest.raises(OperationTimeoutError):
                runtime.list_images(timeout=0.3)
            with pytest.raises(OperationCancelledError):
                runtime.list_images(timeout=None, cancel=cancelled_soon())
    finally:
        answer.set()


def test_another_address_is_tried_after_one_that_is_silent(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        addresses = [(socket.AF_INET, 0, 0, "", ("127.0.0.1", port)) for port in (silent_port, server.getsockname()[1])]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: addresses)
        with Operation("list", timeout=2) as op, closing(dial(Endpoint.parse("tcp://engine.example"), op)) as made:
            assert made.sock.getpeername() == server.getsockname()


def test_the_limit_of_a_call_holds_where_the_engine_hangs(hanging: str) -> None:
    with runtime_at(hanging) as runtime, pytest.raises(OperationTimeoutError, match="list_images"):
        runtime.list_images(timeout=0.3)


def test_a_call_to_a_hanging_engine_is_cancelled(hanging: str) -> None:
    cancel = CancelToken()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    with runtime_at(hanging) as runtime, pytest.raises(OperationCancelledError):
        runtime.list_images(timeout=None, cancel=cancel)


def test_closing_ends_calls_in_flight(hanging: str) -> None:
    runtime = runtime_at(hanging)
    timer = threading.Timer(0.3, runtime.close)
    timer.start()
    with pytest.raises(RuntimeUnavailableError, match="closed"):
        runtime.list_images(timeout=LIMIT)
    with pytest.raises(RuntimeUnavailableError, match="closed"):
        runtime.list_images(timeout=LIMIT)


# Handed over


HEADERS = {"Host": "localhost", "Upgrade": "tcp"}


def exchange(answer: bytes) -> tuple[Connection, socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.sendall(answer)
    return Connection(ours), theirs


def test_bytes_behind_the_header_are_kept() -> None:
    connection, theirs = exchange(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\nfirst bytes")
    with closing(theirs), closing(connection):
        handed_over = take_over(connection, "/exec/1/start", HEADERS, b"{}")
        assert (handed_over.early, handed_over.headers) == (b"first bytes", {"connection": "Upgrade"})
        assert theirs.recv(65536).startswith(b"POST /exec/1/start HTTP/1.1\r\nHost: localhost\r\n")


def test_a_refusal_to_hand_over_has_its_words() -> None:
    body = b'{"message":"Container x is not running"}'
    connection, theirs = exchange(b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with closing(theirs), closing(connection), pytest.raises(ApiError, match="x is not running") as caught:
        take_over(connection, "/x", HEADERS)
    assert caught.value.status == 409


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"nonsense\r\n\r\n", ProtocolError),
        (b"x" * 70000, ProtocolError),
        (b"", EOFError),
        (b"HTTP/1.1", EOFError),
    ],
)
def test_what_hands_nothing_over(answer: bytes, kind: type[Exception]) -> None:
    connection, theirs = exchange(answer)
    theirs.shutdown(socket.SHUT_WR)
    with closing(theirs), closing(connection), pytest.raises(kind):
        take_over(connection, "/x", HEADERS)


# What is left


def children() -> set[int]:
    """The processes that this one has started and that have not ended."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(words[1]) == os.getpid():
            found.add(int(path.parent.name))
    return found


def test_ssh_leaves_no_process(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines.get("docker-ssh")
    monkeypatch.setenv("PATH", engine.environment()["PATH"])
    before = children()
    endpoint = Endpoint.parse(engine.endpoint)
    with connect(endpoint, DockerProfile(place="remote")) as runtime:
        workspace = runtime.start_workspace(StartOptions(image_name=engine.image, workspace_name="far"), timeout=LIMIT)
        options = ExecOptions(input=b"some input")
        assert runtime.exec_in_workspace(workspace, ["cat"], options, timeout=LIMIT).stdout == b"some input"
        with pytest.raises(OperationTimeoutError):
            runtime.exec_in_workspace(workspace, ["sleep", "600"], timeout=1)
        runtime.remove_workspace(workspace, force=True, timeout=LIMIT)
    assert children() <= before


def test_ssh_says_itself_why_it_fails(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines.get("docker-ssh")
    monkeypatch.setenv("PATH", engine.environment()["PATH"])
    endpoint = Endpoint.parse(engine.endpoint.replace("root@", "nobody@"))
    with pytest.raises(RuntimeUnavailableError, match=r"through ssh: .*Permission denied") as caught:
        connect(endpoint)
    assert "ssh" in caught.value.hint


def test_the_words_for_ssh() -> None:
    endpoint = Endpoint.parse("ssh://ada@far.example:2222/run/a b.sock", ssh_options=("-F", "file"))
    words = ssh_command(endpoint)
    assert words[:3] == ["ssh", "-F", "file"]
    assert words[words.index("-p") + 1] == "2222"
    assert words[words.index("-l") + 1] == "ada"
    assert words[-3:-1] == ["--", "far.example"]
    assert "unix:///run/a b.sock" in words[-1]


@pytest.mark.parametrize("missing", ["client", "authority"])
def test_tls_that_is_not_agreed_on(engines: Engines, missing: str) -> None:
    engine = engines.get("docker-tls")
    whole = Tls.folder(engine.environment()["DOCKER_CERT_PATH"])
    tls = Tls(ca=whole.ca) if missing == "client" else Tls(cert=whole.cert, key=whole.key)
    words = "TLS|went away" if missing == "client" else "not trusted"
    with pytest.raises(RuntimeUnavailableError, match=words):
        connect(Endpoint.parse(engine.endpoint, tls=tls))


def test_two_threads_and_half_an_end_over_tls(engines: Engines) -> None:
    """Input and output at once, each larger than any buffer; the end of the input is not the end of the output."""
    engine = engines.get("docker-tls")
    tls = Tls.folder(engine.environment()["DOCKER_CERT_PATH"])
    with connect(Endpoint.parse(engine.endpoint, tls=tls)) as runtime:
        workspace = runtime.start_workspace(StartOptions(image_name=engine.image, workspace_name="tls"), timeout=LIMIT)
        data = os.urandom(8 * 1024 * 1024)
        result = runtime.exec_in_workspace(
            workspace, ["sh", "-c", "cat; echo end >&2"], ExecOptions(input=data), timeout=LIMIT
        )
        assert (result.stdout == data, result.stderr) == (True, b"end\n")
        runtime.remove_workspace(workspace, force=True, timeout=LIMIT)


def test_a_fork_has_connections_of_its_own(runtime: ContainerRuntime, start: Start) -> None:
    """A child process that goes on using the runtime does not read its parent's answers."""
    workspace = start()
    runtime.list_workspaces()
    engine: Any = runtime.engine
    before = engine.client
    engine._pid = -1  # as a child finds it
    assert engine.client is not before
    assert runtime.exec_in_workspace(workspace, ["echo", "works"], timeout=LIMIT).stdout == b"works\n"
    before.close()


# On another machine


def test_folders_of_this_machine_are_not_on_another(docker_engine: RunningEngine, tmp_path: Path) -> None:
    with runtime_at(docker_engine.endpoint, DockerProfile(place="remote")) as runtime:
        assert isinstance(runtime.engine, DockerEngine)
        options = StartOptions(image_name=docker_engine.image, workspace_name="far", app_path=tmp_path)
        with pytest.raises(UnsupportedError, match="another machine"):
            runtime.start_workspace(options, timeout=LIMIT)
        assert runtime.engine.default_user() == (1000, 1000)
        assert runtime.engine.ssh_agent_socket() == ""


def test_the_end_of_one_call_spares_the_connection_that_another_has_by_now(runtime: ContainerRuntime) -> None:
    """Connections are lent: an abort after the answer has come must not hit whoever borrows next."""
    engine = runtime.engine
    assert isinstance(engine, DockerEngine)
    runtime.list_images()
    with Operation("first", timeout=LIMIT) as op, engine.client.scope(op) as scope:
        engine.client.ping()
        assert scope.connection is None
        scope.cut()
    connections = engine.client.connections
    runtime.list_images()
    assert engine.client.connections == connections
