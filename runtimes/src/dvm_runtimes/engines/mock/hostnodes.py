"""Bind mounts: files and folders of this host, as nodes of a container's tree.

Only what lies below the mounted path is ever touched: links are read, never
followed by the host, so that they lead where the container's tree has them lead.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from .nodes import Content, FileNode, FolderNode, Kind, LinkNode, MadeKind, Node, Status

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


_KINDS: dict[int, Kind] = {
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFREG: "file",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "fifo",
}


def host_node(path: Path) -> Node | None:
    """The node for a path of this host; None if there is nothing."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _NODES.get(_kind(mode), HostOther)(path)


def _kind(mode: int) -> Kind:
    return _KINDS.get(stat.S_IFMT(mode), "device")


class _Host(Node):
    def __init__(self, path: Path) -> None:
        self.path = path

    def status(self) -> Status:
        found = self.path.lstat()
        return Status(
            _kind(found.st_mode),
            stat.S_IMODE(found.st_mode),
            found.st_uid,
            found.st_gid,
            found.st_mtime,
            found.st_size,
        )

    def set_mode(self, mode: int) -> None:
        if not self.path.is_symlink():
            self.path.chmod(mode & 0o7777)

    def set_owner(self, uid: int, gid: int) -> None:
        _give(self.path, uid, gid)

    def set_time(self, mtime: float) -> None:
        if not self.path.is_symlink():
            os.utime(self.path, (mtime, mtime))


class HostOther(_Host):
    """A socket, pipe or device of this host: there to be seen."""


class HostLink(_Host, LinkNode):
    """A symbolic link of this host."""

    @property
    def target(self) -> str:
        return str(self.path.readlink())


class HostFile(_Host, FileNode):
    """A file of this host."""

    def open(self, *, writable: bool) -> Content:
        return _HostContent(os.open(self.path, (os.O_RDWR if writable else os.O_RDONLY) | _NO_FOLLOW))


class _HostContent(Content):
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read_at(self, offset: int, size: int) -> bytes:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return os.read(self._descriptor, size)

    def write_at(self, offset: int, data: bytes) -> None:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class HostFolder(_Host, FolderNode):
    """A folder of this host."""

    def names(self) -> list[str]:
        return sorted(child.name for child in self.path.iterdir())

    def get(self, name: str) -> Node | None:
        return host_node(self.path / name)

    def make(self, name: str, kind: MadeKind, mode: int, uid: int, gid: int, target: str = "") -> Node:
        path = self.path / name
        if kind == "link":
            path.symlink_to(target)
        elif kind == "folder":
            path.mkdir(mode)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _NO_FOLLOW, mode))
        if kind != "link":
            path.chmod(mode)
        _give(path, uid, gid)
        return _NODES[kind](path)

    def make_hard_link(self, name: str, node: Node) -> None:
        if not isinstance(node, _Host):
            raise OSError(18, "Invalid cross-device link")
        os.link(node.path, self.path / name, follow_symlinks=False)

    def remove(self, name: str) -> None:
        path = self.path / name
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


_NODES: dict[Kind, type[_Host]] = {"folder": HostFolder, "link": HostLink, "file": HostFile}


def _give(path: Path, uid: int, gid: int) -> None:
    # Only the host's root may give files away; for everybody else they stay
    # the caller's own, as in a VM whose shared folders map ownership.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        with contextlib.suppress(FileNotFoundError):
            os.chown(path, uid, gid, follow_symlinks=False)
