"""`Terminal`: a pexpect-style object on a shell inside a workspace."""

from __future__ import annotations

import codecs
import os
import queue
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pexpect
from pexpect.spawnbase import SpawnBase

from dvm_runtimes.engines.base import ExecSession

from .errors import DvmError

if TYPE_CHECKING:
    _TextSpawn = SpawnBase[str]
else:
    _TextSpawn = SpawnBase  # pexpect is generic for type checkers only

_QUEUE = 256
"""Pieces of output that wait for the reader; beyond them the shell inside is held up, as by any terminal."""


class Terminal(_TextSpawn):
    """A shell inside a workspace, driven as pexpect drives a local one.

    It has everything of pexpect's ``SpawnBase`` (``expect``, ``expect_exact``,
    ``before``, ``after``, ``match``, ...), in text: UTF-8, what is not becomes
    U+FFFD. Use it as a context manager, or `close` it.

    Args:
        session: the running shell, with a terminal.
        timeout: seconds that an ``expect`` waits by default.

    >>> from dvm_runtimes import StartOptions, create_runtime
    >>> with create_runtime("mock") as runtime:
    ...     workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
    ...     with runtime.open_terminal(workspace) as terminal:
    ...         _ = terminal.sendline("exit 3")
    ...         _ = terminal.expect(terminal.EOF)
    ...     terminal.exitstatus
    3
    """

    EOF = pexpect.EOF
    TIMEOUT = pexpect.TIMEOUT

    def __init__(self, session: ExecSession, timeout: float = 30.0) -> None:
        super().__init__(timeout=timeout, encoding="utf-8", codec_errors="replace")
        self.exitstatus: int | None = None
        self.error: DvmError | None = None
        """Why the session ended early, if it did."""
        self.linesep = "\r"  # what the Return key sends
        self.closed = False
        self._session = session
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_QUEUE)
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, name="dvm-terminal", daemon=True)
        self._reader.start()

    def read_nonblocking(self, size: int = 1, timeout: float | None = -1) -> str:
        """At most ``size`` bytes of output as text, as soon as there is any.

        Raises:
            pexpect.TIMEOUT: nothing came within ``timeout`` seconds (None: no limit; -1: the default).
            pexpect.EOF: the shell has ended; `exitstatus` is set.
        """
        if timeout == -1:
            timeout = self.timeout
        if not self.flag_eof:
            try:
                piece = self._pieces.get(timeout=None if timeout is None else max(0.0, timeout))
            except queue.Empty:
                raise pexpect.TIMEOUT("Timeout exceeded.") from None
            if piece is not None:
                text = self._text.decode(piece)
                self._record(text, self.logfile_read)
                return text
            self.flag_eof = True
        raise pexpect.EOF("The shell has ended." if self.error is None else str(self.error))

    def send(self, s: str | bytes) -> int:
        """Type ``s``; the number of bytes."""
        data = s if isinstance(s, bytes) else s.encode()
        self._record(data.decode(errors="replace"), self.logfile_send)
        self._session.write(data)
        return len(data)

    def write(self, s: str | bytes) -> None:
        """Type ``s``, as a file does."""
        self.send(s)

    def writelines(self, sequence: Iterable[str | bytes]) -> None:
        """Type each of ``sequence``."""
        for text in sequence:
            self.send(text)

    def sendline(self, s: str | bytes = "") -> int:
        """Type ``s`` and the Return key."""
        return self.send(s) + self.send(self.linesep)

    def sendcontrol(self, char: str) -> int:
        """Type a control key: ``sendcontrol("c")`` interrupts."""
        return self.send(bytes([ord(char.upper()) & 0x1F]))

    def sendeof(self) -> None:
        """Type Ctrl-D."""
        self.sendcontrol("d")

    def sendintr(self) -> None:
        """Type Ctrl-C."""
        self.sendcontrol("c")

    def setwinsize(self, rows: int, cols: int) -> None:
        """Give the terminal another size."""
        self._session.resize(rows, cols)

    def isalive(self) -> bool:
        """Whether the shell still runs."""
        return self._reader.is_alive()

    def wait(self, timeout: float | None = 30.0) -> int | None:
        """Read and forget what is left of the output until the shell ends; its exit code.

        Raises:
            pexpect.TIMEOUT: it did not end within ``timeout`` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self.flag_eof:
            try:
                self.read_nonblocking(65536, None if end is None else max(0.0, end - time.monotonic()))
            except pexpect.EOF:
                break
        self._reader.join(timeout)
        return self.exitstatus

    def close(self, force: bool = True) -> None:
        """End the shell inside, if it still runs, and release the connection."""
        if self.closed:
            return
        self.closed = True
        self._closing.set()
        if force and self._reader.is_alive() and not self._ended_soon():
            self._session.abort()
            self._session.kill()
        self._drain()
        self._reader.join(10.0)
        self._session.close()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        # pexpect's own would close a file descriptor that we do not have.
        pass

    def fileno(self) -> int:
        """There is none: the bytes come through the engine."""
        raise OSError("a workspace's terminal has no file descriptor")

    def _record(self, text: str, log: Any) -> None:
        for file in (self.logfile, log):
            if file is not None:
                file.write(text)
                file.flush()

    def _ended_soon(self) -> bool:
        # The end of the output is here, only its exit code is still on its way.
        with self._pieces.mutex:
            ended = bool(self._pieces.queue) and self._pieces.queue[-1] is None
        if ended or self.flag_eof:
            self._reader.join(2.0)
        return not self._reader.is_alive()

    def _read(self) -> None:
        try:
            while (piece := self._session.read()) is not None:
                self._put(piece[1])
            self.exitstatus = self._session.wait()
            self.terminated = True
        except DvmError as error:
            self.error = error
        finally:
            self._put(None)

    def _put(self, piece: bytes | None) -> None:
        # Not for ever: who closes the terminal drains the queue.
        while True:
            try:
                self._pieces.put(piece, timeout=1.0)
            except queue.Full:
                if self._closing.is_set():
                    return
            else:
                return

    def _drain(self) -> None:
        try:
            while True:
                self._pieces.get_nowait()
        except queue.Empty:
            pass


def terminal_size(fd: int, default: tuple[int, int] = (24, 80)) -> tuple[int, int]:
    """Rows and columns of the terminal on ``fd``."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return default
    return (rows, columns) if rows and columns else default
