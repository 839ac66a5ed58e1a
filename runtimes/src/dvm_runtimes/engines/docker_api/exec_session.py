"""`DockerSession`: one command in a container, over a connection of its own."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from dvm_runtimes.engines.base import STDOUT, ExecSession
from dvm_runtimes.engines.http.connection import Connection
from dvm_runtimes.errors import DvmError, ExecError
from dvm_runtimes.operation import AbortedError, CancelToken, Operation

from .frames import Frames

_PIECE = 512 * 1024
_SHORT = 10.0
"""Seconds for one small request about a command: its exit code, its terminal's size."""

_KILL_LIMIT = 20.0
"""Seconds for ending a command and all that it started."""

_FAILURES = (
    *(b"OCI runtime exec failed", b"unable to find user", b"unable to find group", b"rpc error:", b"failed to "),
    *(b"Error: runc: ", b"Error: crun: "),
)
"""How the engine's error message begins when a command could not be started.

It arrives as output of the command, since the connection had been handed over by then.
"""


class ExecState(NamedTuple):
    """The engine's record of a command.

    Attributes:
        running: whether it runs.
        started: whether there ever was a process; None where the engine does not say.
        exit_code: None before its end.
        pid: the process on the engine's host; 0 where there is none.
    """

    running: bool
    started: bool | None
    exit_code: int | None
    pid: int = 0


Inspect = Callable[[Operation], ExecState]


class DockerSession(ExecSession):
    """One exec of the Docker API.

    Args:
        connection: handed over by the engine.
        early: the bytes that had come behind the header.
        tty: its output has no frames.
        inspect: returns the command's state.
        ended: the same, once it has ended.
        resize: sets the terminal's size.
        kill: ends the command and all it started.
        broken: makes the error for a connection that broke.
        failed: makes the error for a command that was not started, from its exit code and the engine's message.
        operation: the public method, for errors.
    """

    def __init__(
        self,
        connection: Connection,
        early: bytes,
        *,
        tty: bool,
        inspect: Inspect,
        ended: Inspect,
        resize: Callable[[Operation, int, int], None],
        kill: Callable[[Operation], None],
        broken: Callable[[BaseException, Connection], DvmError],
        failed: Callable[[int, str], ExecError],
        operation: str,
    ) -> None:
        self._connection = connection
        self._sock: socket.socket = connection.sock
        self._frames = None if tty else Frames()
        self._inspect = inspect
        self._ended_state = ended
        self._resize = resize
        self._kill = kill
        self._broken = broken
        self._failed = failed
        self._operation = operation
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._early = early
        self._began = False
        self._ended = False
        self._cancelled = CancelToken()
        self._failure: ExecError | None = None
        self._buffer = bytearray(_PIECE)
        self._writing = threading.Lock()
        self._over = threading.Event()

    def read(self) -> tuple[int, bytes] | None:
        piece = self.next_piece()
        if not self._began:
            self._began = True
            if piece is not None and piece[1].startswith(_FAILURES):
                return self._perhaps_failed(piece)
        return piece

    def _perhaps_failed(self, first: tuple[int, bytes]) -> tuple[int, bytes] | None:
        """Distinguish the engine's message from a command that writes the same text."""
        with Operation(self._operation, timeout=_SHORT) as op:
            state = self._inspect(op)
        if state.running or state.started:
            return first
        output = [first[1]]
        while (piece := self.next_piece()) is not None:
            output.append(piece[1])
        message = b"".join(output).decode(errors="replace").strip()
        self._failure = self._failed(state.exit_code or 126, message)
        return None

    def next_piece(self) -> tuple[int, bytes] | None:
        """The next piece that came over the connection; None at the end."""
        while not self._pieces:
            data = self._receive()
            if not data:
                self._over.set()
                return None
            if self._frames is None:
                return STDOUT, bytes(data)
            self._pieces.extend(self._frames.feed(data))
        return self._pieces.popleft()

    def _receive(self) -> bytes | memoryview:
        if self._early:
            early, self._early = self._early, b""
            return early
        if self._ended:
            return b""
        try:
            count = self._sock.recv_into(self._buffer)
        except ConnectionResetError:
            # A command that leaves input unread: all its output came before. If the engine broke off,
            # the question for the exit code will tell.
            count = 0
        except OSError as error:
            self._over.set()
            if self._cancelled.is_set():
                raise self._aborted() from error
            raise self._broken(error, self._connection) from error
        if self._cancelled.is_set():
            self._over.set()
            raise self._aborted()
        if not count:
            self._ended = True
            if self._frames is not None and self._frames.torn:
                raise self._broken(EOFError("the output ended in the middle"), self._connection)
        return memoryview(self._buffer)[:count]

    def write(self, data: bytes) -> None:
        if self._over.is_set():
            return
        try:
            with self._writing:
                self._sock.sendall(data)
        except OSError as error:
            # A command that has ended takes it silently; whoever reads its output hears of anything else.
            if self._cancelled.is_set():
                raise self._aborted() from error

    def close_stdin(self) -> None:
        try:
            with self._writing:
                self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the command has ended, and its connection with it

    def resize(self, rows: int, columns: int) -> None:
        if self._over.is_set():
            return
        try:
            with Operation(self._operation, timeout=_SHORT) as op:
                self._resize(op, rows, columns)
        except DvmError:
            pass  # it ended meanwhile, or has not begun; the next size is as good

    def wait(self) -> int:
        if self._failure is not None:
            raise self._failure
        # The output may end before the engine has heard of the end, or long before the command ends.
        with Operation(self._operation, cancel=self._cancelled) as op:
            state = self._ended_state(op)
        code = state.exit_code or 0
        if state.started is False and code in (126, 127):
            self._failure = self._failed(code, "")
            raise self._failure
        return code

    def kill(self) -> None:
        if self._failure is not None:
            return  # it was not started
        try:
            with Operation(self._operation, timeout=_KILL_LIMIT) as op:
                self._kill(op)
        except DvmError:
            pass  # the container or the engine is gone, and the command with it, or nothing can be done

    def _aborted(self) -> AbortedError:
        return AbortedError("the session was aborted", operation=self._operation)

    def abort(self) -> None:
        self._cancelled.set()
        self._connection.cut()

    def close(self) -> None:
        self._over.set()
        self._connection.close()
