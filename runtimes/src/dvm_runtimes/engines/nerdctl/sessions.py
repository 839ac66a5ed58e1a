"""`NerdctlSession`: a command inside a container, through ``nerdctl exec``."""

from __future__ import annotations

import contextlib

from dvm_runtimes.engines.base import STDERR, STDOUT, ExecSession
from dvm_runtimes.operation import Operation

from . import scripts
from .client import NerdctlClient
from .error_mapping import exec_failure
from .logrus import LastLine, exec_exit_code, reason
from .transport import Call, Channel


class NerdctlSession(ExecSession):
    """``nerdctl exec`` through a channel.

    nerdctl's last message, which has the exit code, is removed from the command's standard error. With a terminal the
    two are separate streams.

    Args:
        client: runs nerdctl.
        op: the operation that opens the session; its name is in errors.
        call: the exec.
        command: the program's name, for errors.
    """

    def __init__(self, client: NerdctlClient, op: Operation, call: Call, command: str) -> None:
        self._client = client
        self._op = op
        self._call = call
        self._command = command
        self._terminal = call.size is not None
        self._last_line = LastLine()
        self._stderr = b""
        self._message = ""
        self._code: int | None = None
        self._channel: Channel = client.open(op, call)

    def read(self) -> tuple[int, bytes] | None:
        if self._code is not None:
            return None
        with self._client.typed(self._op):
            while (piece := self._channel.read()) is not None:
                stream, data = piece
                if stream == STDOUT:
                    return piece
                if self._terminal:
                    self._stderr += data
                elif data := self._last_line.feed(data):
                    return STDERR, data
            return self._finish()

    def _finish(self) -> tuple[int, bytes] | None:
        self._code = self._channel.wait()
        if self._terminal:
            self._message = reason(self._stderr.decode(errors="replace")) if self._code else ""
            return None
        rest, self._message = self._last_line.finish(failed=self._code != 0)
        return (STDERR, rest) if rest else None

    def write(self, data: bytes) -> None:
        with self._client.typed(self._op):
            self._channel.write(data)

    def close_stdin(self) -> None:
        with self._client.typed(self._op):
            self._channel.close_stdin()

    def resize(self, rows: int, columns: int) -> None:
        self._channel.resize(rows, columns)

    def wait(self) -> int:
        while self.read() is not None:
            pass  # output that the caller left unread
        code = self._code or 0
        if code == 0:
            return 0
        inside = exec_exit_code(self._message)
        if inside is not None:
            return inside
        if code > 128 and not self._message:
            return code  # nerdctl itself was killed, as `kill` does
        raise exec_failure(self._message, self._client.profile, self._op.name, self._command)

    def kill(self) -> None:
        self._client.end(self._call.mark, scripts.END_COMMAND, begun=self._channel.begun)

    def abort(self) -> None:
        self._channel.abort()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the far end closed first
            self._channel.close()
