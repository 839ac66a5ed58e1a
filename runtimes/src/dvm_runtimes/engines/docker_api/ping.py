"""Asking an engine what it is, within a time that nothing makes longer.

Detection asks many engines at once, some of which hang: so this knows no
pool, no retry and no SDK, and each step has what is left of the time.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import io
import json
import queue
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.discovery.provider import Probe
from dvm_runtimes.engines.http.api_error import NotAnEngineError
from dvm_runtimes.engines.http.endpoint import Endpoint

from .profile import DockerProfile
from .unreachable import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

SSH_LEAST = 1.0
"""Seconds; with less, an engine behind ssh is not even asked."""

_LARGEST = 1 << 20
"""Bytes of an answer; a real one has one or two thousand."""


class Pong(NamedTuple):
    """What an engine says of itself.

    Attributes:
        version: its own version, as in ``"26.1.5"``; empty where a guard before it keeps that back.
        api_version: of the Docker API, as in ``"1.45"``.
        os: where its containers run, as in ``"linux"``; may be empty.
        server: the program that answers, as in ``"Docker"`` or ``"Libpod"``; may be empty.
    """

    version: str
    api_version: str = ""
    os: str = ""
    server: str = ""


def ping(endpoint: Endpoint, timeout: float) -> Pong:
    """Ask the engine at ``endpoint`` what it is.

    Its answer to ``/_ping`` tells all in the headers and costs it nothing;
    for ``/version`` some engines start programs. That is asked only where
    the headers do not tell.

    Args:
        endpoint: where it listens.
        timeout: seconds for all of it: finding the host, connecting, asking.

    Raises:
        OSError: it does not answer; `unreachable.unavailable` explains it.
        NotAnEngineError: something else answers there.
    """
    deadline = time.monotonic() + timeout
    answer, _ = _get(endpoint, "/_ping", deadline)
    pong = _from_headers(answer)
    if answer.status == http.client.OK and pong.version and pong.api_version:
        return pong
    answer, body = _get(endpoint, "/version", deadline)
    return _from_version(answer, body)


def probe(endpoint: Endpoint, profile: DockerProfile, timeout: float) -> Probe:
    """The same as `PlatformProvider.probe` has it: what is wrong and what helps, in this product's words."""
    if endpoint.scheme == "ssh" and timeout < SSH_LEAST:
        # Its handshakes alone take longer, and a key may want its user's consent.
        return Probe(
            problem="is not asked in passing, for it is behind ssh",
            hint=f"Check that `ssh {endpoint.host} docker version` works without a password.",
            silent=True,
        )
    try:
        return Probe(version=ping(endpoint, timeout).version)
    except (OSError, EOFError) as error:
        told = unavailable(error, endpoint, profile)
        problem = told.message.removeprefix(profile.platform_name).strip()
        return Probe(problem=problem, hint=told.hint, silent=isinstance(error, TimeoutError))


class _Stream(io.RawIOBase):
    """A socket of which every single read and write has what is left of the time."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__()
        self.sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(_left(self._deadline))
        return self.sock.recv_into(buffer)

    def send(self, data: bytes) -> None:
        """Write all of it."""
        self.sock.settimeout(_left(self._deadline))
        self.sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """What `http.client` reads an answer from."""
        return io.BufferedReader(self)


def _get(endpoint: Endpoint, path: str, deadline: float) -> tuple[http.client.HTTPResponse, bytes]:
    with _connection(endpoint, deadline) as stream:
        stream.send(f"GET {path} HTTP/1.1\r\nHost: {endpoint.http_host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(stream, method="GET")  # type: ignore[arg-type]
        try:
            answer.begin()
            return answer, answer.read(_LARGEST)
        except http.client.RemoteDisconnected:
            raise EOFError("the connection was closed before any answer") from None
        except (http.client.HTTPException, ValueError) as error:
            raise NotAnEngineError(f"no HTTP ({type(error).__name__})") from None


def _from_headers(answer: http.client.HTTPResponse) -> Pong:
    """``Server: Docker/26.1.5 (linux)`` and its like."""
    server, version = server_and_version(answer.headers.get("Server", ""))
    return Pong(version, answer.headers.get("Api-Version", ""), answer.headers.get("Ostype", ""), server)


def server_and_version(header: str) -> tuple[str, str]:
    """What an engine says of itself with every answer.

    >>> server_and_version("Docker/26.1.5+dfsg1 (linux)")
    ('Docker', '26.1.5+dfsg1')
    """
    server, _, version = header.partition(" ")[0].partition("/")
    return server, version


def _from_version(answer: http.client.HTTPResponse, body: bytes) -> Pong:
    shown = _from_headers(answer)
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if answer.status == http.client.OK and isinstance(told, dict) and isinstance(told.get("Version"), str):
        return Pong(
            told["Version"], str(told.get("ApiVersion", shown.api_version)), str(told.get("Os", "")), shown.server
        )
    if shown.api_version:
        return shown  # an engine behind a guard that does not let /version pass
    raise NotAnEngineError(f"HTTP {answer.status} without a version")


@contextlib.contextmanager
def _connection(endpoint: Endpoint, deadline: float) -> Iterator[_Stream]:
    if endpoint.scheme == "ssh":
        with _through_ssh(endpoint, deadline) as stream:
            yield stream
        return
    sock = _connect_unix(endpoint.path, deadline) if endpoint.scheme == "unix" else _connect_tcp(endpoint, deadline)
    with sock:
        yield _Stream(sock, deadline)


def _connect_unix(path: str, deadline: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Blocking, with the kernel's own limit: with Python's, a full backlog is refused at once instead of waited for.
        seconds = _left(deadline)
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        sock.connect(path)
    except BlockingIOError:
        sock.close()
        raise TimeoutError(errno.ETIMEDOUT, "takes no more connections") from None
    except OSError as error:
        sock.close()
        if str(error).startswith("AF_UNIX path too long"):
            raise OSError(errno.ENAMETOOLONG, "the socket's path is too long for this system") from None
        raise
    return sock


def _connect_tcp(endpoint: Endpoint, deadline: float) -> socket.socket:
    error: OSError = OSError(errno.EADDRNOTAVAIL, "the host has no address")
    for family, address in _addresses(endpoint.host, endpoint.port, deadline):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(deadline))
            sock.connect(address)
            return _secured(sock, endpoint, deadline)
        except OSError as failed:
            sock.close()
            error = failed
    raise error


def _secured(sock: socket.socket, endpoint: Endpoint, deadline: float) -> socket.socket:
    if endpoint.tls is None:
        return sock
    from dvm_runtimes.engines.http.connection import tls_context

    context = tls_context(endpoint.tls)
    sock.settimeout(_left(deadline))
    return context.wrap_socket(sock, server_hostname=endpoint.host)


def _addresses(host: str, port: int, deadline: float) -> list[tuple[socket.AddressFamily, Any]]:
    # The system's resolver has no time limit, so it is asked in a thread that may stay behind.
    answers: queue.SimpleQueue[list[tuple[socket.AddressFamily, Any]] | OSError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(family, address) for family, _, _, _, address in found])
        except OSError as error:
            answers.put(error)

    threading.Thread(target=resolve, name="dvm-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError(errno.ETIMEDOUT, "the name server does not answer") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


@contextlib.contextmanager
def _through_ssh(endpoint: Endpoint, deadline: float) -> Iterator[_Stream]:
    from dvm_runtimes.engines.http.ssh import dial_ssh

    wire = dial_ssh(endpoint)
    try:
        yield _Stream(wire.sock, deadline)
    except (EOFError, ConnectionError) as error:
        raise wire.explain() or error from None
    finally:
        wire.cut()
        # Ending ssh may take a moment that the caller does not have.
        threading.Thread(target=wire.close, name="dvm-ssh-end", daemon=True).start()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(errno.ETIMEDOUT, "did not answer in time")
    return left
