"""A Unix socket on this machine that forwards to an engine, for programs that need a ``DOCKER_HOST``."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from dvm_runtimes.engines.http.connection import Connection, cut
from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import CancelToken, Operation

from .api import DockerApi

_PIECE = 256 * 1024


@contextlib.contextmanager
def forwarded(api: DockerApi, folder: Path) -> Iterator[str]:
    """A ``DOCKER_HOST`` for this engine.

    It is the engine's own Unix socket, if it has one. For others, a socket in
    ``folder`` keeps certificates and ssh's options on this side.
    """
    if api.address.scheme == "unix":
        yield str(api.address)
        return
    forwarder = _Forwarder(api, folder / "engine.sock")
    try:
        yield f"unix://{folder}/engine.sock"
    finally:
        forwarder.close()


class _Forwarder:
    """Accepts connections and forwards each to the engine.

    Args:
        api: of the engine.
        path: the socket; its folder is for this user alone.
    """

    def __init__(self, api: DockerApi, path: Path) -> None:
        self._api = api
        self._over = CancelToken()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(os.fspath(path))
        self._server.listen(64)
        self._threads = [threading.Thread(target=self._accept, name="dvm-forwarder", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End every connection, and wait until none is left."""
        self._over.set()
        cut(self._server)
        with self._lock:
            for sock in self._open:
                cut(sock)
        for thread in list(self._threads):
            thread.join(5.0)
        self._server.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._forward, args=(caller,), name="dvm-forwarder", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _forward(self, caller: socket.socket) -> None:
        connection: Connection | None = None
        try:
            with Operation("build_image", cancel=self._over) as op:
                connection = self._api.client.dial(op)
                with self._lock:
                    self._open |= {caller, connection.sock}
                if self._over.is_set():
                    return
                back = threading.Thread(target=_copy, args=(connection.sock, caller), name="dvm-forwarder", daemon=True)
                back.start()
                _copy(caller, connection.sock)
                back.join()
        except (OSError, DvmError):
            pass  # whoever called sees his connection end, and says so
        finally:
            with self._lock:
                self._open.discard(caller)
                if connection is not None:
                    self._open.discard(connection.sock)
            caller.close()
            if connection is not None:
                connection.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes one way until they end, and let the other side know."""
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
