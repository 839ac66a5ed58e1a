"""Opening one connection to a server: name resolution, connecting and TLS end with their operation."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import LocalFileError

from .endpoint import Endpoint, Tls

if TYPE_CHECKING:
    from dvm_runtimes.operation import Operation

CONNECT_LIMIT = 10.0
"""Seconds in which a server accepts a connection, also for calls that have no limit of their own."""

_BACKLOG_PAUSE = 0.02

Address = tuple[socket.AddressFamily, Any]


class Connection:
    """One connection, and what has to end with it. Any thread may `cut` it.

    Attributes:
        sock: a blocking socket, encrypted where the endpoint uses TLS.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def cut(self) -> None:
        """Make blocked reads and writes of other threads end at once; does not block."""
        cut(self.sock)

    def close(self) -> None:
        """Release everything."""
        with contextlib.suppress(OSError):
            self.sock.close()

    def explain(self) -> BaseException | None:
        """Why the other end closed the connection, if the transport knows."""
        return None


def cut(sock: socket.socket) -> None:
    """Shut a socket down in both directions, whatever its state."""
    # The plain socket's method: TLS's own would wait for an answer.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def dial(endpoint: Endpoint, op: Operation) -> Connection:
    """Connect to a server.

    Args:
        endpoint: its address; ``unix`` or ``tcp``.
        op: limits the connecting, `CONNECT_LIMIT` at most.

    Raises:
        OSError: nothing accepts a connection there.
        DvmError: ``op`` was aborted.
    """
    if endpoint.scheme == "unix":
        return Connection(_dial_unix(endpoint.path, op))
    sock = _dial_tcp(endpoint, op)
    if endpoint.tls is None:
        return Connection(sock)
    try:
        with op.aborting(lambda: cut(sock)):
            sock.settimeout(_limit(op))
            secured = tls_context(endpoint.tls).wrap_socket(sock, server_hostname=_server_name(endpoint, endpoint.tls))
            secured.settimeout(None)
            return Connection(secured)
    except BaseException:
        sock.close()
        op.check()
        raise


def dial_session(endpoint: Endpoint, op: Operation) -> Connection:
    """A connection whose socket is read and written by two threads at once, and whose directions end apart.

    Raises:
        OSError: nothing accepts a connection there.
        DvmError: ``op`` was aborted.
    """
    if endpoint.tls is None:
        return dial(endpoint, op)
    from .tls_relay import TlsRelay

    sock = _dial_tcp(endpoint, op)
    try:
        with op.aborting(lambda: cut(sock)):
            sock.settimeout(_limit(op))
            return TlsRelay(sock, tls_context(endpoint.tls), _server_name(endpoint, endpoint.tls))
    except BaseException:
        sock.close()
        op.check()
        raise


def tls_context(tls: Tls) -> ssl.SSLContext:
    """The TLS settings that ``tls`` describes.

    Raises:
        LocalFileError: a file cannot be read, or is not a certificate or key.
    """
    for file in (tls.ca, tls.cert, tls.key):
        if file is not None:
            with LocalFileError.explaining("read", file):
                file.open("rb").close()
    try:
        return _tls_context(tls)
    except ssl.SSLError as error:
        files = ", ".join(str(file) for file in (tls.ca, tls.cert, tls.key) if file is not None)
        raise LocalFileError(f"{files}: not a certificate with its key ({error})", detail=str(error)) from error


def _tls_context(tls: Tls) -> ssl.SSLContext:
    if tls.verify:
        context = ssl.create_default_context(cafile=tls.ca)
        # Self-made certificates often lack what only strict checks require.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context


def _server_name(endpoint: Endpoint, tls: Tls) -> str:
    return tls.server_name or endpoint.host


def _limit(op: Operation) -> float:
    remaining = op.remaining()
    return CONNECT_LIMIT if remaining is None else max(0.001, min(CONNECT_LIMIT, remaining))


def _dial_unix(path: str, op: Operation) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end = time.monotonic() + _limit(op)
        while True:
            op.check()
            try:
                sock.settimeout(CONNECT_LIMIT)
                sock.connect(path)
                break
            except BlockingIOError:
                # The backlog is full: the engine hangs, or many connect at once. The kernel reports no free place.
                if time.monotonic() >= end:
                    raise TimeoutError(errno.ETIMEDOUT, "takes no more connections") from None
                op.wait(threading.Event(), _BACKLOG_PAUSE)
        sock.settimeout(None)
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError) and str(error).startswith("AF_UNIX path too long"):
            raise OSError(errno.ENAMETOOLONG, "the socket's path is too long for this system") from None
        raise
    return sock


def _dial_tcp(endpoint: Endpoint, op: Operation) -> socket.socket:
    """Try the host's addresses in turn, each with its share of the time."""
    end = time.monotonic() + _limit(op)
    addresses = resolve(endpoint.host, endpoint.port, op)
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the host has no address")
    for number, (family, address) in enumerate(addresses):
        op.check()
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            _connect(sock, address, max(0.0, end - time.monotonic()) / (len(addresses) - number), op)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A machine that lost its power never closes its connections.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            sock.close()
            op.check()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def resolve(host: str, port: int, op: Operation) -> list[Address]:
    """The addresses of a host.

    The system's resolver cannot be interrupted. It runs in a thread of its
    own, which is left behind when ``op`` ends first.

    Raises:
        OSError: the host is not known, or the name server does not answer.
        DvmError: ``op`` was aborted.
    """
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)  # an IP address asks nobody
    except (OSError, UnicodeError):
        pass
    answers: list[list[Address] | Exception] = []
    done = threading.Event()

    def run() -> None:
        try:
            answers.append(_look_up(host, port))
        except (OSError, UnicodeError) as error:
            answers.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="dvm-resolve", daemon=True).start()
    op.wait(done, CONNECT_LIMIT)  # which ends with the operation as well
    if not answers:
        raise TimeoutError(errno.ETIMEDOUT, "the name server does not answer")
    if isinstance(answers[0], Exception):
        raise socket.gaierror(socket.EAI_NONAME, str(answers[0])) from answers[0]
    return answers[0]


def _look_up(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


def _connect(sock: socket.socket, address: Any, limit: float, op: Operation) -> None:
    """Connect a TCP socket within ``limit`` seconds; leaves it blocking."""
    sock.setblocking(False)
    number = sock.connect_ex(address)
    if number == errno.EINPROGRESS:
        ours, theirs = socket.socketpair()
        with ours, theirs, selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            selector.register(ours, selectors.EVENT_READ)
            with op.aborting(lambda: cut(theirs)):
                ready = selector.select(limit)
        op.check()
        if not ready:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))
    sock.setblocking(True)
