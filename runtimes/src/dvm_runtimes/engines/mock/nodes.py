"""Files, folders and links: what a tree consists of, and its kind that lives in memory."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "folder", "link", "device", "socket", "fifo"]
MadeKind = Literal["file", "folder", "link"]


@dataclass(frozen=True, slots=True)
class Status:
    """What ``stat`` tells of a node."""

    kind: Kind
    mode: int
    uid: int
    gid: int
    mtime: float
    size: int


class Content(ABC):
    """An open file's bytes."""

    @abstractmethod
    def read_at(self, offset: int, size: int) -> bytes: ...

    @abstractmethod
    def write_at(self, offset: int, data: bytes) -> None: ...

    @abstractmethod
    def truncate(self, size: int) -> None: ...

    @abstractmethod
    def size(self) -> int: ...

    def close(self) -> None:
        """Release what the opening took; nothing for what is in memory."""
        return


class Node(ABC):
    """Anything that has a name in a tree. Names and paths are text; permissions are the tree's business."""

    @abstractmethod
    def status(self) -> Status: ...

    @abstractmethod
    def set_mode(self, mode: int) -> None: ...

    @abstractmethod
    def set_owner(self, uid: int, gid: int) -> None: ...

    @abstractmethod
    def set_time(self, mtime: float) -> None: ...


class FileNode(Node):
    """A regular file."""

    @abstractmethod
    def open(self, *, writable: bool) -> Content: ...


class LinkNode(Node):
    """A symbolic link."""

    @property
    @abstractmethod
    def target(self) -> str: ...


class FolderNode(Node):
    """A folder; this one cannot be changed."""

    @abstractmethod
    def names(self) -> list[str]: ...

    @abstractmethod
    def get(self, name: str) -> Node | None: ...

    def make(self, name: str, kind: MadeKind, mode: int, uid: int, gid: int, target: str = "") -> Node:
        """Make an empty file or folder, or a link to ``target``; nothing of that name is there."""
        raise _refused()

    def make_hard_link(self, name: str, node: Node) -> None:
        """Give ``node`` another name."""
        raise _refused()

    def remove(self, name: str) -> None:
        """Take ``name`` out; a folder must be empty, which the caller sees to."""
        raise _refused()


class _Memory(Node):
    kind: Kind

    def __init__(self, mode: int, uid: int = 0, gid: int = 0, mtime: float | None = None) -> None:
        self._mode = mode
        self._uid = uid
        self._gid = gid
        self._mtime = time.time() if mtime is None else mtime

    def status(self) -> Status:
        return Status(self.kind, self._mode, self._uid, self._gid, self._mtime, self._size())

    def _size(self) -> int:
        return 0

    def set_mode(self, mode: int) -> None:
        self._mode = mode & 0o7777

    def set_owner(self, uid: int, gid: int) -> None:
        self._uid, self._gid = uid, gid

    def set_time(self, mtime: float) -> None:
        self._mtime = mtime


class MemoryFile(_Memory, FileNode, Content):
    """A file in memory. Copies share their bytes until one of them is written to, as an image's layers do."""

    kind = "file"

    def __init__(
        self, data: bytes = b"", mode: int = 0o644, uid: int = 0, gid: int = 0, mtime: float | None = None
    ) -> None:
        super().__init__(mode, uid, gid, mtime)
        self._data: bytes | bytearray = data

    def _size(self) -> int:
        return len(self._data)

    def open(self, *, writable: bool) -> Content:
        return self

    def read_at(self, offset: int, size: int) -> bytes:
        return bytes(self._data[offset : offset + size])

    def write_at(self, offset: int, data: bytes) -> None:
        own = self._own()
        if offset > len(own):
            own.extend(bytes(offset - len(own)))
        own[offset : offset + len(data)] = data
        self._mtime = time.time()

    def truncate(self, size: int) -> None:
        own = self._own()
        if size < len(own):
            del own[size:]
        else:
            own.extend(bytes(size - len(own)))
        self._mtime = time.time()

    def size(self) -> int:
        return len(self._data)

    def copy(self) -> MemoryFile:
        if isinstance(self._data, bytearray):
            self._data = bytes(self._data)
        return MemoryFile(self._data, self._mode, self._uid, self._gid, self._mtime)

    def _own(self) -> bytearray:
        if not isinstance(self._data, bytearray):
            self._data = bytearray(self._data)
        return self._data


class MemoryLink(_Memory, LinkNode):
    """A symbolic link in memory."""

    kind = "link"

    def __init__(self, target: str, uid: int = 0, gid: int = 0, mtime: float | None = None) -> None:
        super().__init__(0o777, uid, gid, mtime)
        self._target = target

    @property
    def target(self) -> str:
        return self._target

    def _size(self) -> int:
        return len(self._target.encode(errors="surrogateescape"))

    def copy(self) -> MemoryLink:
        return MemoryLink(self._target, self._uid, self._gid, self._mtime)


class Device(_Memory):
    """A device of ``/dev``, known by its name; opening it is the business of `dvm_runtimes.engines.mock.handles`."""

    kind = "device"

    def __init__(self, name: str, mode: int = 0o666) -> None:
        super().__init__(mode)
        self.name = name

    def copy(self) -> Device:
        return Device(self.name, self._mode)


class Computed(_Memory, FileNode):
    """A file whose bytes are made when it is opened, as those of ``/proc`` are."""

    kind = "file"

    def __init__(self, make: Callable[[], str | bytes]) -> None:
        super().__init__(0o444)
        self._make = make

    def open(self, *, writable: bool) -> Content:
        if writable:
            raise _refused()
        made = self._make()
        return MemoryFile(made if isinstance(made, bytes) else made.encode())


class MemoryFolder(_Memory, FolderNode):
    """A folder in memory."""

    kind = "folder"

    def __init__(self, mode: int = 0o755, uid: int = 0, gid: int = 0, mtime: float | None = None) -> None:
        super().__init__(mode, uid, gid, mtime)
        self._nodes: dict[str, Node] = {}

    def names(self) -> list[str]:
        return sorted(self._nodes)

    def get(self, name: str) -> Node | None:
        return self._nodes.get(name)

    def put(self, name: str, node: Node) -> None:
        """Let ``node`` be called ``name`` here."""
        self._nodes[name] = node
        self._mtime = time.time()

    def make(self, name: str, kind: MadeKind, mode: int, uid: int, gid: int, target: str = "") -> Node:
        node: Node
        if kind == "folder":
            node = MemoryFolder(mode, uid, gid)
        else:
            node = MemoryFile(b"", mode, uid, gid) if kind == "file" else MemoryLink(target, uid, gid)
        self.put(name, node)
        return node

    def make_hard_link(self, name: str, node: Node) -> None:
        if not isinstance(node, _Memory):
            raise OSError(18, "Invalid cross-device link")
        self.put(name, node)

    def remove(self, name: str) -> None:
        del self._nodes[name]
        self._mtime = time.time()

    def copy(self) -> MemoryFolder:
        """The same tree once more; file contents are shared until they are written to, hard links stay linked."""
        return self._copy({})

    def _copy(self, done: dict[int, Node]) -> MemoryFolder:
        made = MemoryFolder(self._mode, self._uid, self._gid, self._mtime)
        for name, node in self._nodes.items():
            copied = done.get(id(node))
            if copied is None:
                if isinstance(node, MemoryFolder):
                    copied = node._copy(done)
                elif isinstance(node, MemoryFile | MemoryLink | Device):
                    copied = node.copy()
                else:
                    continue  # computed ones belong to the run that made them
                done[id(node)] = copied
            made._nodes[name] = copied
        return made


class ComputedFolder(_Memory, FolderNode):
    """A folder whose entries are found when they are asked for, and that nobody can change."""

    kind = "folder"

    def __init__(self, names: Callable[[], Iterable[str]], get: Callable[[str], Node | None]) -> None:
        super().__init__(0o555)
        self._names = names
        self._get = get

    def names(self) -> list[str]:
        return sorted(self._names())

    def get(self, name: str) -> Node | None:
        return self._get(name)


def _refused() -> OSError:
    return PermissionError(1, "Operation not permitted")
