"""Open files: what a process's descriptors stand for."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, Self

from .nodes import Content, Device, Node
from .tree import problem

if TYPE_CHECKING:
    from .processes import Process
    from .terminals import PseudoTerminal

Read = Callable[["Process", int], bytes]
"""Reads at most so many bytes; none at the end."""

Write = Callable[["Process", bytes], None]
"""Writes all of the bytes."""


def _refuse(*args: object) -> NoReturn:
    raise problem(errno.EBADF)


class OpenFile:
    """A file that is open, perhaps in several processes; it is closed when the last of them closes it.

    Args:
        read, write: what it does; default an error, as of a file that was opened for the other alone.
        close: called in the end.
        terminal: the terminal that it is.
    """

    def __init__(
        self,
        read: Read = _refuse,
        write: Write = _refuse,
        close: Callable[[], object] | None = None,
        terminal: PseudoTerminal | None = None,
    ) -> None:
        self.read = read
        self.write = write
        self.terminal = terminal
        self._close = close
        self._holders = 1
        self._count = threading.Lock()

    def retain(self) -> Self:
        """One more holder."""
        with self._count:
            self._holders += 1
        return self

    def release(self) -> None:
        """One holder less."""
        with self._count:
            self._holders -= 1
            last = self._holders == 0
        if last and self._close is not None:
            self._close()


class _Position:
    """An open regular file; all holders share its position."""

    def __init__(self, content: Content, lock: threading.RLock, *, append: bool) -> None:
        self._content = content
        self._lock = lock
        self._append = append
        self._position = 0

    def read(self, process: Process, size: int) -> bytes:
        with self._lock:
            data = self._content.read_at(self._position, size)
            self._position += len(data)
        return data

    def write(self, process: Process, data: bytes) -> None:
        with self._lock:
            if self._append:
                self._position = self._content.size()
            self._content.write_at(self._position, data)
            self._position += len(data)


def null_file() -> OpenFile:
    """``/dev/null``, and the standard input of whoever has none."""
    return OpenFile(read=lambda process, size: b"", write=lambda process, data: None)


def _full(process: Process, data: bytes) -> None:
    raise problem(errno.ENOSPC)


_READS: dict[str, Read] = {
    "zero": lambda process, size: bytes(size),
    "full": lambda process, size: bytes(size),
    "random": lambda process, size: os.urandom(size),
    "urandom": lambda process, size: os.urandom(size),
}


def open_file(process: Process, path: str, mode: str) -> OpenFile:
    """Open ``path`` as a process does.

    Args:
        process: whose rights and folder count.
        path: absolute or relative.
        mode: ``"r"``, ``"w"`` (made anew) or ``"a"`` (at the end).

    Raises:
        OSError: as the kernel says it.
    """
    writes = mode != "r"
    node, content = process.tree.open(
        path,
        process.cwd,
        process.who,
        write=writes,
        create=0o644 if writes else None,
        truncate=mode == "w",
    )
    if content is None:
        return open_device(process, node, path)
    file = _Position(content, process.table.lock, append=mode == "a")
    return OpenFile(write=file.write, close=content.close) if writes else OpenFile(file.read, close=content.close)


def open_device(process: Process, node: Node, path: str) -> OpenFile:
    """Open a device of ``/dev``."""
    assert isinstance(node, Device)
    if node.name in ("stdin", "stdout", "stderr"):
        return process.file(("stdin", "stdout", "stderr").index(node.name)).retain()
    if node.name == "tty":
        if process.terminal is None:
            raise problem(errno.ENXIO, path)
        return process.terminal.handle()
    file = null_file()
    file.read = _READS.get(node.name, file.read)
    file.write = _full if node.name == "full" else file.write
    return file
