"""Opening one connection to an engine, over whatever way leads to it."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

from .endpoint import Endpoint, Tls

if TYPE_CHECKING:
    from dvm_runtimes.operation import Operation

CONNECT_LIMIT = 10.0
"""Seconds in which an engine takes a connection, even for calls without a limit of their own."""

_BACKLOG_PAUSE = 0.02


class Wire:
    """One connection, and what has to end with it. Any thread may `cut` it.

    Attributes:
        sock: a blocking socket, encrypted where the endpoint is.
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
        """Why the other end went away without a word, where this way to the engine knows."""
        return None


def cut(sock: socket.socket) -> None:
    """Shut a socket down in both directions, whatever its state."""
    # The plain socket's method: TLS's own would wait for an answer.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def dial(endpoint: Endpoint, op: Operation | None = None) -> Wire:
    """Connect to the engine.

    Args:
        endpoint: where.
        op: limits the connecting.

    Raises:
        OSError: nobody answers there; `unreachable.unavailable` explains it.
        DvmError: ``op`` was aborted.
    """
    if endpoint.scheme == "ssh":
        from .ssh import dial_ssh

        return dial_ssh(endpoint)
    limit = _limit(op)
    if endpoint.scheme == "unix":
        return Wire(_dial_unix(endpoint.path, limit, op))
    return Wire(_dial_tcp(endpoint, limit, op))


def _limit(op: Operation | None) -> float:
    remaining = op.remaining() if op is not None else None
    return CONNECT_LIMIT if remaining is None else max(0.001, min(CONNECT_LIMIT, remaining))


def _dial_unix(path: str, limit: float, op: Operation | None) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end = time.monotonic() + limit
        while True:
            try:
                sock.settimeout(limit)
                sock.connect(path)
                break
            except BlockingIOError:
                # The backlog is full: the engine hangs, or many connect at once. The kernel tells of no free place.
                if time.monotonic() >= end:
                    raise TimeoutError(errno.ETIMEDOUT, "takes no more connections") from None
                _pause(op)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def _pause(op: Operation | None) -> None:
    never = threading.Event()
    if op is None:
        never.wait(_BACKLOG_PAUSE)
    else:
        op.wait(never, _BACKLOG_PAUSE)


def dial_session(endpoint: Endpoint, op: Operation) -> Wire:
    """A connection whose socket is read and written by two threads at once, and whose directions end apart.

    Raises:
        OSError: nobody answers there.
        DvmError: ``op`` was aborted.
    """
    if endpoint.tls is None:
        return dial(endpoint, op)
    from .tls_relay import TlsRelay

    sock = _dial_plain(endpoint, _limit(op))
    try:
        with op.aborting(lambda: cut(sock)):
            relay = TlsRelay(sock, tls_context(endpoint.tls), endpoint.host)
    except BaseException:
        sock.close()
        raise
    return relay


def _dial_tcp(endpoint: Endpoint, limit: float, op: Operation | None) -> socket.socket:
    sock = _dial_plain(endpoint, limit)
    try:
        if endpoint.tls is not None:
            plain = sock
            with op.aborting(lambda: cut(plain)) if op is not None else contextlib.nullcontext():
                sock = tls_context(endpoint.tls).wrap_socket(sock, server_hostname=endpoint.host)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def _dial_plain(endpoint: Endpoint, limit: float) -> socket.socket:
    sock = socket.create_connection((endpoint.host, endpoint.port), timeout=limit)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # An engine whose machine lost its power never says so.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def tls_context(tls: Tls) -> ssl.SSLContext:
    """The rules of trust that ``tls`` stands for.

    Raises:
        OSError: a file that cannot be read, or that is no certificate or key.
    """
    if tls.verify:
        context = ssl.create_default_context(cafile=tls.ca)
        # Certificates of one's own making often lack what only strict checks ask for.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context
