"""Little engines that listen on Unix sockets: some answer, some hang, some are something else."""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

VERSION = "99.1.0"


class LiveEngine:
    """A real HTTP server that answers ``/_ping`` and ``/version`` as engines do.

    Args:
        path: of its socket.
        version: what it says of itself.
        before: called before each answer; what it takes, the answer waits for.
        answer: other bodies and headers than an engine's, by path.
    """

    def __init__(
        self,
        path: Path,
        version: str = VERSION,
        before: Callable[[], object] = lambda: None,
        answer: tuple[int, dict[str, str], bytes] | None = None,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.asked: list[str] = []
        engine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                engine.asked.append(self.path)
                before()
                told = {
                    "Version": version,
                    "ApiVersion": "1.45",
                    "MinAPIVersion": "1.24",
                    "Os": "linux",
                    "Arch": "amd64",
                }
                headers = {"Api-Version": "1.45", "Server": f"Docker/{version} (linux)", "Ostype": "linux"}
                status, headers, body = answer or (200, headers, json.dumps(told).encode())
                if self.path == "/_ping":
                    body = b"OK"
                self.send_response_only(status)
                for key, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the terminal."""

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that has gone away is none of this server's."""

        self._server = Server(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
        self.path.unlink(missing_ok=True)


class Hanging:
    """Takes connections and never says a word."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(64)

    def close(self) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)


class Full(Hanging):
    """Takes no more connections: its backlog is full."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._socket.listen(0)
        self._waiting = socket.socket(socket.AF_UNIX)
        self._waiting.connect(str(path))

    def close(self) -> None:
        self._waiting.close()
        super().close()


class Script:
    """Sends these bytes to each client and closes, having read what it asks."""

    def __init__(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._data = data
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(8)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return  # closed
            with client:
                client.recv(65536)
                client.sendall(self._data)

    def close(self) -> None:
        socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()
        self.path.unlink(missing_ok=True)


def stale(path: Path) -> None:
    """A socket that an engine has left behind: the file is there, nobody listens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))


def plain_file(path: Path) -> None:
    """A file of that name that is no socket at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
