"""Open files: what a process's descriptors stand for."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING, Self

from .nodes import Content, Device, Node
from .tree import Tree, problem

if TYPE_CHECKING:
    from .processes import Process
    from .terminals import PseudoTerminal


class OpenFile:
    """A file that is open, perhaps in several processes; it is closed when the last of them closes it."""

    terminal: PseudoTerminal | None = None

    def __init__(self) -> None:
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
        if last:
            self._close()

    def read(self, process: Process, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        raise problem(errno.EBADF)

    def write(self, process: Process, data: bytes) -> None:
        """Write all of ``data``."""
        raise problem(errno.EBADF)

    def _close(self) -> None:
        return


class FileHandle(OpenFile):
    """An open regular file; all holders share its position."""

    def __init__(self, content: Content, lock: threading.RLock, *, append: bool, readable: bool) -> None:
        super().__init__()
        self._content = content
        self._lock = lock
        self._append = append
        self._readable = readable
        self._position = 0

    def read(self, process: Process, size: int) -> bytes:
        if not self._readable:
            raise problem(errno.EBADF)
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

    def _close(self) -> None:
        self._content.close()


class NullHandle(OpenFile):
    """``/dev/null``, and the standard input of whoever has none."""

    def read(self, process: Process, size: int) -> bytes:
        return b""

    def write(self, process: Process, data: bytes) -> None:
        return


class ZeroHandle(NullHandle):
    """``/dev/zero``."""

    def read(self, process: Process, size: int) -> bytes:
        return bytes(size)


class FullHandle(ZeroHandle):
    """``/dev/full``."""

    def write(self, process: Process, data: bytes) -> None:
        raise problem(errno.ENOSPC)


class RandomHandle(NullHandle):
    """``/dev/random`` and ``/dev/urandom``."""

    def read(self, process: Process, size: int) -> bytes:
        return os.urandom(size)


_DEVICES: dict[str, type[OpenFile]] = {
    "null": NullHandle,
    "zero": ZeroHandle,
    "full": FullHandle,
    "random": RandomHandle,
    "urandom": RandomHandle,
}


def open_file(process: Process, path: str, mode: str) -> OpenFile:
    """Open ``path`` as a process does.

    Args:
        process: whose rights and folder count.
        path: absolute or relative.
        mode: ``"r"``, ``"w"`` (made anew), ``"a"`` (at the end) or ``"+"`` (read and write).

    Raises:
        OSError: as the kernel says it.
    """
    tree: Tree = process.tree
    writes = mode != "r"
    node, content = tree.open(
        path,
        process.cwd,
        process.who,
        write=writes,
        create=0o644 if writes else None,
        truncate=mode == "w",
    )
    if content is None:
        return open_device(process, node, path)
    return FileHandle(content, process.table.lock, append=mode == "a", readable=mode in "r+")


def open_device(process: Process, node: Node, path: str) -> OpenFile:
    """Open a device of ``/dev``."""
    assert isinstance(node, Device)
    if node.name in ("stdin", "stdout", "stderr"):
        return process.file(("stdin", "stdout", "stderr").index(node.name)).retain()
    if node.name == "tty":
        if process.terminal is None:
            raise problem(errno.ENXIO, path)
        return process.terminal.handle()
    return _DEVICES[node.name]()
