"""A terminal as the kernel has it: lines are edited and echoed, control keys become signals."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from dvm_runtimes.engines.base import STDOUT

from . import signals
from .handles import OpenFile

if TYPE_CHECKING:
    from .output import Output
    from .processes import Process
    from .table import ProcessTable

_INPUT = 256 * 1024
"""Bytes that wait to be read; beyond them whoever types waits."""

_INTR, _EOF, _BACKSPACE, _QUIT, _ERASE = b"\x03", b"\x04", b"\x08", b"\x1c", b"\x7f"


class PseudoTerminal:
    """The terminal of one session.

    Args:
        table: the processes that its control keys reach.
        output: where its picture goes.
        size: rows and columns.
    """

    def __init__(self, table: ProcessTable, output: Output, size: tuple[int, int]) -> None:
        self.condition = threading.Condition(table.lock)
        self.rows, self.columns = size
        self.foreground = 0
        """The process group that reads and that control keys reach."""
        self.echo = True
        self.canonical = True
        self._table = table
        self._output = output
        self._line = bytearray()
        self._ready: deque[bytes] = deque()
        self._hung_up = False

    def handle(self) -> OpenFile:
        """The terminal as an open file."""
        out = self._output.writer(STDOUT)
        return OpenFile(
            self._read,
            lambda process, data: out.write(process, data.replace(b"\n", b"\r\n")),
            out.release,
            terminal=self,
        )

    # From outside

    def has_room(self) -> bool:
        """Whether more can be typed; the lock is held."""
        return self._hung_up or sum(map(len, self._ready)) < _INPUT

    def type(self, data: bytes) -> None:
        """Take keys as they are pressed."""
        with self.condition:
            for value in data:
                self._key(bytes([value]))
            self.condition.notify_all()

    def resize(self, rows: int, columns: int) -> None:
        """Another size; the foreground processes get SIGWINCH."""
        with self.condition:
            if (rows, columns) != (self.rows, self.columns):
                self.rows, self.columns = rows, columns
                self._table.signal_group(self.foreground, signals.WINCH)

    def end_input(self) -> None:
        """Nobody types any more: whoever reads gets the end of the file."""
        with self.condition:
            self._push()
            self._hung_up = True
            self.condition.notify_all()

    def hang_up(self) -> None:
        """The session's first process has ended: the others lose their terminal."""
        with self.condition:
            self._hung_up = True
            self.condition.notify_all()
            self._table.signal_group(self.foreground, signals.HUP)

    # The keys

    def _key(self, key: bytes) -> None:
        if not self.canonical:
            self._ready.append(key)
            self._show(key)
        elif key in (_INTR, _QUIT):
            self._line.clear()
            self._ready.clear()
            self._show(b"^C" if key == _INTR else b"^\\")
            self._table.signal_group(self.foreground, signals.INT if key == _INTR else signals.QUIT)
        elif key == _EOF:
            self._push()
        elif key in (_ERASE, _BACKSPACE):
            self._erase()
        elif key in (b"\r", b"\n"):
            self._line += b"\n"
            self._show(b"\n")
            self._push()
        else:
            self._line += key
            self._show(key if key >= b" " or key == b"\t" else b"^" + bytes([key[0] + 64]))

    def _push(self) -> None:
        # An empty piece is the end of the file: what Ctrl-D gives on an empty line.
        self._ready.append(bytes(self._line))
        self._line.clear()

    def _erase(self) -> None:
        while self._line and self._line[-1] & 0xC0 == 0x80:
            self._line.pop()  # the later bytes of one UTF-8 character
        if self._line:
            self._line.pop()
            self._show(b"\b \b")

    def _show(self, data: bytes) -> None:
        if self.echo:
            self._output.add(STDOUT, data.replace(b"\n", b"\r\n"))

    # From inside

    def _read(self, process: Process, size: int) -> bytes:
        """At most one line, or as much of it as fits; empty at the end of the file."""
        with self.condition:
            process.block(self.condition, lambda: bool(self._ready) or self._hung_up)
            if not self._ready:
                return b""
            piece = self._ready.popleft()
            if len(piece) > size:
                self._ready.appendleft(piece[size:])
            self.condition.notify_all()
            return piece[:size]
