"""``httpd``: serves a folder of the container over HTTP, on the container's own network."""

from __future__ import annotations

import contextlib
import functools
import getopt
import posixpath
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from dvm_runtimes.engines.mock.handles import open_file
from dvm_runtimes.engines.mock.nodes import FolderNode

from . import UsageError

if TYPE_CHECKING:
    from socketserver import BaseServer

    from dvm_runtimes.engines.mock.processes import Process

_TYPES = {"html": "text/html", "txt": "text/plain", "json": "application/json"}


def httpd(process: Process, argv: list[str]) -> int:
    """``httpd -f -p [ADDRESS:]PORT -h FOLDER``; without ``-f`` it goes to the background."""
    options, _ = getopt.getopt(argv[1:], "fvp:h:")
    flags = dict(options)
    port = flags.get("-p", "80").rpartition(":")[2]
    if not port.isdecimal():
        raise UsageError(f"invalid port '{port}'")
    files = _Files(process, posixpath.join(process.cwd, flags.get("-h", ".")))
    try:
        listener = process.table.network.listen(int(port))
    except OSError as error:
        raise UsageError(f"bind: {error.strerror}") from None
    connections: set[socket.socket] = set()

    def answer(connection: socket.socket, child: Process) -> int:
        try:
            with connection, contextlib.suppress(OSError):
                _Request(connection, ("", 0), cast("BaseServer", files))
        finally:
            connections.discard(connection)
        return 0

    def serve(running: Process) -> int:
        try:
            while True:
                connection = listener.accept(running)
                connections.add(connection)
                running.fork(argv, {}).start(functools.partial(answer, connection))
        finally:
            running.table.network.unlisten(int(port))
            for connection in list(connections):
                with contextlib.suppress(OSError):  # it was closed already
                    connection.shutdown(socket.SHUT_RDWR)

    if "-f" in flags:
        return serve(process)
    process.fork(argv).start(serve)
    return 0


class _Files:
    """The files that are served."""

    def __init__(self, process: Process, home: str) -> None:
        self._process = process
        self._home = home

    def content(self, path: str) -> bytes | None:
        """The content of a file, or of a folder's ``index.html``; None if there is none."""
        process = self._process
        try:
            if isinstance(process.tree.find(path, "/", process.who).node, FolderNode):
                path = posixpath.join(path, "index.html")
            file = open_file(process, path, "r")
        except OSError:
            return None
        try:
            return b"".join(iter(lambda: file.read(process, 65536), b""))
        finally:
            file.release()

    def path(self, target: str) -> str:
        """The path in the container that the target of a request names, below the folder that is served."""
        # normpath on an absolute path cannot climb out of its root.
        return self._home + posixpath.normpath("/" + unquote(target.partition("?")[0]))


class _Request(BaseHTTPRequestHandler):
    """One request; the constructor answers it."""

    timeout = 10.0

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *args: object) -> None:
        """Write nothing: the container's output is its tests'."""

    def _answer(self, *, body: bool) -> None:
        files = cast("_Files", self.server)
        path = files.path(self.path)
        content = files.content(path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", _TYPES.get(path.rpartition(".")[2], "text/plain"))
        content = b"404 Not Found\n" if content is None else content
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)
