"""``python -m dvm_server.relay SOCKET``: joins this terminal to the shell that the server offers there."""

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

from . import pieces
from .pieces import Pieces

_GONE = "Open a new terminal from the editor."


class _Session(ExecSession):
    """The shell in the server's process."""

    def __init__(self, server: Pieces) -> None:
        self._server = server
        self._code: int | None = None

    def read(self) -> tuple[int, bytes] | None:
        while (piece := self._server.receive()) is not None:
            kind, data = piece
            if kind == pieces.EXIT:
                self._code = int(data)
                return None
            if kind == pieces.FAILURE:
                raise EngineError(data.decode(errors="replace"), operation="attach_to_workspace")
            if kind in (pieces.STDOUT, pieces.STDERR):
                return (STDERR if kind == pieces.STDERR else STDOUT), data
        raise EngineError("the editor's server has ended", hint=_GONE, operation="attach_to_workspace")

    def write(self, data: bytes) -> None:
        self._send(pieces.INPUT, data)

    def close_stdin(self) -> None:
        self._send(pieces.END_OF_INPUT)

    def resize(self, rows: int, columns: int) -> None:
        self._send(pieces.RESIZE, pieces.SIZE.pack(rows, columns))

    def wait(self) -> int:
        return 0 if self._code is None else self._code

    def kill(self) -> None:
        self._send(pieces.KILL)

    def abort(self) -> None:
        self._server.abort()

    def close(self) -> None:
        self._server.close()

    def _send(self, kind: bytes, data: bytes = b"") -> None:
        try:
            self._server.send(kind, data)
        except OSError:
            pass  # `read` tells of it


class _Server:
    """As much of an `Engine` as `attach` uses."""

    def __init__(self, path: str) -> None:
        self._path = path

    def exec_start(self, op: Operation, container: str, spec: ExecSpec) -> ExecSession:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise EngineError("this terminal's offer is used or has expired", hint=_GONE, operation=op.name) from None
        server = Pieces(connection)
        rows, columns = spec.size
        hello = {"tty": spec.tty, "rows": rows, "columns": columns, "term": os.environ.get("TERM", "")}
        server.send(pieces.HELLO, json.dumps(hello).encode())
        return _Session(server)


def main() -> int:
    """Join the terminal; the shell's own exit code."""
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
