"""``python -m dvm_server.relay SOCKET``: join this terminal to the shell behind the socket."""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import cast

from dvm_runtimes.engines.base import STDERR, STDOUT, Engine, ExecSession, ExecSpec
from dvm_runtimes.errors import DvmError, EngineError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import AttachOptions
from dvm_runtimes.workspaces.attaching import attach

from . import packets
from .packets import PacketSocket

_GONE = "Open a new terminal from the editor."


class _Session(ExecSession):
    """The shell in the server's process."""

    def __init__(self, server: PacketSocket) -> None:
        self._server = server
        self._code: int | None = None

    def read(self) -> tuple[int, bytes] | None:
        while (packet := self._server.receive()) is not None:
            kind, data = packet
            if kind == packets.EXIT:
                self._code = int(data)
                return None
            if kind == packets.FAILURE:
                raise EngineError(data.decode(errors="replace"), operation="attach_to_workspace")
            if kind in (packets.STDOUT, packets.STDERR):
                return (STDERR if kind == packets.STDERR else STDOUT), data
        raise EngineError("the editor's server has ended", hint=_GONE, operation="attach_to_workspace")

    def write(self, data: bytes) -> None:
        self._send(packets.INPUT, data)

    def close_stdin(self) -> None:
        self._send(packets.END_OF_INPUT)

    def resize(self, rows: int, columns: int) -> None:
        self._send(packets.RESIZE, packets.SIZE.pack(rows, columns))

    def wait(self) -> int:
        return 0 if self._code is None else self._code

    def kill(self) -> None:
        self._send(packets.KILL)

    def abort(self) -> None:
        self._server.abort()

    def close(self) -> None:
        self._server.close()

    def _send(self, kind: bytes, data: bytes = b"") -> None:
        try:
            self._server.send(kind, data)
        except OSError:
            pass  # `read` raises


class _Server:
    """The part of `Engine` that `attach` uses."""

    def __init__(self, path: str) -> None:
        self._path = path

    def exec_start(self, op: Operation, container: str, spec: ExecSpec) -> ExecSession:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise EngineError(
                "the offer of this terminal was used or has expired", hint=_GONE, operation=op.name
            ) from None
        server = PacketSocket(connection)
        rows, columns = spec.size
        hello = {"tty": spec.tty, "rows": rows, "columns": columns, "term": os.environ.get("TERM", "")}
        server.send(packets.HELLO, json.dumps(hello).encode())
        return _Session(server)


def main() -> int:
    """Join the terminal; the exit code of the shell."""
    if len(sys.argv) != 2:
        print("usage: python -m dvm_server.relay SOCKET", file=sys.stderr)
        return 2
    try:
        with Operation("attach_to_workspace") as op:
            return attach(cast(Engine, _Server(sys.argv[1])), op, "", AttachOptions())
    except DvmError as error:
        print(f"dvm: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
