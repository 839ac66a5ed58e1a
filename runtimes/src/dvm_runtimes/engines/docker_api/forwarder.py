"""A socket on this machine that leads to an engine, for programs that need an address."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dvm_runtimes.engines.http.connection import Wire, cut
from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import CancelToken, Operation

if TYPE_CHECKING:
    from .engine import DockerEngine

_PIECE = 256 * 1024


@contextlib.contextmanager
def door_to(engine: DockerEngine, folder: Path) -> Iterator[str]:
    """A ``DOCKER_HOST`` for this engine.

    Its own, where that says all. Certificates, ssh's options and what else
    leads to other engines stays on our side of a socket in ``folder``.
    """
    if engine.address.scheme == "unix":
        yield engine.endpoint
        return
    door = _Door(engine, folder / "engine.sock")
    try:
        yield f"unix://{folder}/engine.sock"
    finally:
        door.close()


class _Door:
    """Takes connections and carries each to the engine.

    Args:
        engine: where to.
        path: the socket; its folder is for this user alone.
    """

    def __init__(self, engine: DockerEngine, path: Path) -> None:
        self._engine = engine
        self._over = CancelToken()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(os.fspath(path))
        self._server.listen(64)
        self._threads = [threading.Thread(target=self._accept, name="dvm-door", daemon=True)]
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
            thread = threading.Thread(target=self._carry, args=(caller,), name="dvm-door", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, caller: socket.socket) -> None:
        wire: Wire | None = None
        try:
            with Operation("build_image", cancel=self._over) as op:
                wire = self._engine.client.dial(op)
                with self._lock:
                    self._open |= {caller, wire.sock}
                if self._over.is_set():
                    return
                back = threading.Thread(target=_copy, args=(wire.sock, caller), name="dvm-door", daemon=True)
                back.start()
                _copy(caller, wire.sock)
                back.join()
        except (OSError, DvmError):
            pass  # whoever called sees his connection end, and says so
        finally:
            with self._lock:
                self._open.discard(caller)
                if wire is not None:
                    self._open.discard(wire.sock)
            caller.close()
            if wire is not None:
                wire.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes one way until they end, and let the other side know."""
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
