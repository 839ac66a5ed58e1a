"""A command inside a container as a session: its bytes, its own exit code, and its end."""

from __future__ import annotations

import contextlib
import threading

from dvm_runtimes.engines.base import STDERR, STDOUT, ExecSession
from dvm_runtimes.errors import OperationTimeoutError
from dvm_runtimes.operation import Operation

from . import scripts
from .calls import Caller
from .failures import exec_failure
from .messages import LastLine, exec_exit_code, reason
from .transport import Call, Channel

_START_LIMIT = 30.0
"""Seconds that a command may take to come up, before the end of its input is told all the same."""
_END_LIMIT = 4.0
"""Seconds that ending a command may take: it is let come up first, and nerdctl is let end by itself."""
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5


class NerdctlSession(ExecSession):
    """``nerdctl exec`` through a channel.

    nerdctl's last line, which alone tells the exit code, is taken out of the
    command's standard error. With a terminal the two are apart from the start.

    Args:
        caller: runs nerdctl.
        op: the call that opens the session; its name is in errors.
        call: the exec.
        command: the command's first word, for errors.
    """

    def __init__(self, caller: Caller, op: Operation, call: Call, command: str) -> None:
        self._caller = caller
        self._op = op
        self._call = call
        self._command = command
        self._terminal = call.size is not None
        self._last_line = LastLine()
        self._said = b""
        self._words = ""
        self._code: int | None = None
        self._over = threading.Event()
        self._written = False
        self._channel: Channel = caller.open(op, call)

    def read(self) -> tuple[int, bytes] | None:
        if self._code is not None:
            return None
        with self._caller.typed(self._op):
            while (piece := self._channel.read()) is not None:
                stream, data = piece
                if stream == STDOUT:
                    return piece
                if self._terminal:
                    self._said += data
                elif data := self._last_line.feed(data):
                    return STDERR, data
            return self._finish()

    def _finish(self) -> tuple[int, bytes] | None:
        self._code = self._channel.wait()
        self._over.set()
        if self._terminal:
            self._words = reason(self._said.decode(errors="replace")) if self._code else ""
            return None
        rest, self._words = self._last_line.finish(failed=self._code != 0)
        return (STDERR, rest) if rest else None

    def write(self, data: bytes) -> None:
        self._written = self._written or bool(data)
        with self._caller.typed(self._op):
            self._channel.write(data)

    def close_stdin(self) -> None:
        if not (self._terminal or self._written):
            self._await_command()
        with self._caller.typed(self._op):
            self._channel.close_stdin()

    def _await_command(self) -> None:
        """Return once the command is there, or this session is over.

        nerdctl loses an end of input that comes before, and the command would read for ever. What is written before
        waits for the command, and so does the end that follows it.
        """
        pause = _FIRST_PAUSE
        with (
            contextlib.suppress(OperationTimeoutError),
            Operation(self._op.name, timeout=_START_LIMIT, platform=self._caller.profile.platform_name) as op,
        ):
            while not self._over.is_set():
                if self._caller.run(op, self._caller.script(scripts.IS_THERE, self._call.mark)).code == 0:
                    return
                op.wait(self._over, pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def resize(self, rows: int, columns: int) -> None:
        self._channel.resize(rows, columns)

    def wait(self) -> int:
        while self.read() is not None:
            pass  # who did not read to the end does not want it
        code = self._code or 0
        if code == 0:
            return 0
        inside = exec_exit_code(self._words)
        if inside is not None:
            return inside
        if code > 128 and not self._words:
            return code  # nerdctl itself was killed, by whoever ended the command
        raise exec_failure(self._words, self._caller.profile, self._op.name, self._command)

    def kill(self) -> None:
        self._caller.transport.end(self._call.mark, _END_LIMIT, scripts.END_COMMAND)

    def abort(self) -> None:
        self._over.set()
        self._channel.abort()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the far end closed first
            self._channel.close()
