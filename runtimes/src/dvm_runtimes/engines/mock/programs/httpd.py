"""``httpd``: serves a folder of the container over HTTP, on the container's own network."""

from __future__ import annotations

import contextlib
import posixpath
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dvm_runtimes.engines.mock.handles import open_file
from dvm_runtimes.engines.mock.nodes import FolderNode

from .usage import Wrong, fail, options

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_HEAD = 65536
"""Bytes of a request's head, at most."""
_PATIENCE = 10.0
"""Seconds that a client may take over its request."""
_TYPES = {"html": "text/html", "txt": "text/plain", "json": "application/json", "css": "text/css"}


def httpd(process: Process, argv: list[str]) -> int:
    """``httpd -f -p [ADDRESS:]PORT -h FOLDER``; without ``-f`` it goes to the background."""
    try:
        flags, _ = options(argv, "fv", "ph")
        port = int(flags.get("p", "80").rpartition(":")[2])
    except (Wrong, ValueError) as wrong:
        return fail(process, argv, str(wrong))
    home = posixpath.join(process.cwd, flags.get("h", "."))
    try:
        listener = process.table.network.listen(port)
    except OSError as error:
        return fail(process, argv, f"bind: {error.strerror}")
    server = _Server(process, home)

    def serve(running: Process) -> int:
        try:
            while True:
                server.take(listener.accept(running))
        finally:
            running.table.network.unlisten(port)
            server.close()

    if "f" in flags:
        return serve(process)
    child = process.fork(argv)
    child.start(serve)
    return 0


class _Server:
    """The connections of one httpd, each in a thread that ends with it."""

    def __init__(self, process: Process, home: str) -> None:
        self._process = process
        self._home = home
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()

    def take(self, connection: socket.socket) -> None:
        thread = threading.Thread(target=self._talk, args=(connection,), name="mock-httpd", daemon=True)
        with self._lock:
            self._open[thread] = connection
        thread.start()

    def close(self) -> None:
        with self._lock:
            threads = list(self._open)
            for connection in self._open.values():
                with contextlib.suppress(OSError):  # it was closed already
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5.0)

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(_PATIENCE)
                head = self._head(connection)
                if head:
                    connection.sendall(self._answer(head))
        finally:
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def _head(self, connection: socket.socket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEAD:
            piece = connection.recv(4096)
            if not piece:
                return b""
            head += piece
        return head

    def _answer(self, head: bytes) -> bytes:
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or words[0] not in ("GET", "HEAD"):
            return _response("501 Not Implemented", b"501 Not Implemented\n")
        found = self._content(unquote(words[1].partition("?")[0]))
        if found is None:
            return _response("404 Not Found", b"404 Not Found\n")
        body, kind = found
        return _response("200 OK", b"" if words[0] == "HEAD" else body, kind, len(body))

    def _content(self, path: str) -> tuple[bytes, str] | None:
        process = self._process
        # normpath on an absolute path cannot climb out of its root.
        place = self._home + posixpath.normpath("/" + path)
        try:
            if isinstance(process.tree.find(place, "/", process.who).node, FolderNode):
                place = posixpath.join(place, "index.html")
            file = open_file(process, place, "r")
        except OSError:
            return None
        try:
            pieces = []
            while piece := file.read(process, 65536):
                pieces.append(piece)
        finally:
            file.release()
        return b"".join(pieces), _TYPES.get(place.rpartition(".")[2], "application/octet-stream")


def _response(status: str, body: bytes, kind: str = "text/plain", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
