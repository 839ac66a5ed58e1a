"""The file tree as one container sees it: a root, what is mounted over it, and who may do what."""

from __future__ import annotations

import errno
import os
import posixpath
import threading
import time
from collections import deque
from dataclasses import dataclass

from .nodes import Content, Device, FileNode, FolderNode, LinkNode, MadeKind, Node

READ, WRITE, SEARCH = 4, 2, 1
EXECUTE = 1

_LINKS = 40  # as Linux: what needs more is a loop
_NAME = 255  # bytes in one name, as Linux


@dataclass(frozen=True, slots=True)
class Who:
    """A user and group."""

    uid: int
    gid: int


ROOT = Who(0, 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads.

    Attributes:
        path: absolute, without links, dots and dot-dots.
        node: what is there; None if only the last name is missing.
        parent: the folder it is in; None for the root.
        name: its name there.
        read_only: the mount it is on cannot be written to.
    """

    path: str
    node: Node | None
    parent: FolderNode | None
    name: str
    read_only: bool

    def found(self, asked: str) -> Node:
        """The node.

        Raises:
            FileNotFoundError: there is none.
        """
        if self.node is None:
            raise problem(errno.ENOENT, asked)
        return self.node

    def writable(self, asked: str) -> None:
        """Raise if the mount is read-only."""
        if self.read_only:
            raise problem(errno.EROFS, asked)


def problem(number: int, path: str = "") -> OSError:
    """The error that the kernel gives for a path."""
    return OSError(number, os.strerror(number), path)


def permits(node: Node, who: Who, bit: int) -> bool:
    """Whether the mode lets ``who`` read, write or search; root may, but executes only what anybody may."""
    found = node.status()
    if who.uid == 0:
        return bit != EXECUTE or found.kind == "folder" or bool(found.mode & 0o111)
    if who.uid == found.uid:
        return bool(found.mode >> 6 & bit)
    if who.gid == found.gid:
        return bool(found.mode >> 3 & bit)
    return bool(found.mode & bit)


@dataclass(frozen=True, slots=True)
class _Mounted:
    node: Node
    read_only: bool


class Tree:
    """A container's files.

    Args:
        root: the image's files, copied.
        lock: held while names change hands.
        read_only: nothing outside of the mounts can be changed.
    """

    def __init__(self, root: FolderNode, lock: threading.RLock, *, read_only: bool = False) -> None:
        self._lock = lock
        self._root = _Mounted(root, read_only)
        self._mounts: dict[str, _Mounted] = {}

    def mount(self, path: str, node: Node, *, read_only: bool = False) -> None:
        """Put ``node`` over ``path``, which is made if it is not there, as engines do."""
        folder = self.make_folders(posixpath.dirname(path))
        place = self.find(path)
        if place.node is None:
            kind: MadeKind = "folder" if isinstance(node, FolderNode) else "file"
            folder.make(place.name, kind, 0o755 if kind == "folder" else 0o644, 0, 0)
        self._mounts[place.path] = _Mounted(node, read_only)

    def make_folders(self, path: str) -> FolderNode:
        """The folder at ``path``, made as root's with all above it where missing; mounts' flags are not asked."""
        built = "/"
        node = self._root.node
        for name in [part for part in path.split("/") if part]:
            place = self.find(posixpath.join(built, name))
            built = place.path
            if place.node is None:
                assert place.parent is not None
                node = place.parent.make(place.name, "folder", 0o755, 0, 0)
            else:
                node = place.node
        if not isinstance(node, FolderNode):
            raise problem(errno.ENOTDIR, path)
        return node

    def find(self, path: str, cwd: str = "/", who: Who = ROOT, *, follow: bool = True) -> Place:
        """Where ``path`` leads; a missing last name is no error.

        Args:
            path: absolute or relative to ``cwd``.
            cwd: an absolute path.
            who: needs the right to search every folder on the way.
            follow: a link at the end is followed.

        Raises:
            OSError: as the kernel says it.
        """
        if not path:
            raise problem(errno.ENOENT, path)
        names = deque(part for part in posixpath.join(cwd, path).split("/") if part)
        trail: list[tuple[str, Node, bool]] = [("", self._root.node, self._root.read_only)]
        links = 0
        must_be_folder = path.endswith(("/", "/."))
        while names:
            name = names.popleft()
            _, here, read_only = trail[-1]
            if not isinstance(here, FolderNode):
                raise problem(errno.ENOTDIR, path)
            if name == ".":
                continue
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            if len(name.encode(errors="surrogateescape")) > _NAME:
                raise problem(errno.ENAMETOOLONG, path)
            if not permits(here, who, SEARCH):
                raise problem(errno.EACCES, path)
            real = "/".join([*(entry[0] for entry in trail), name])
            mounted = self._mounts.get(real)
            node = mounted.node if mounted is not None else here.get(name)
            if node is None:
                if any(rest != "." for rest in names):
                    raise problem(errno.ENOENT, path)
                return Place(real, None, here, name, read_only)
            if isinstance(node, LinkNode) and (names or follow or must_be_folder):
                links += 1
                if links > _LINKS:
                    raise problem(errno.ELOOP, path)
                target = node.target
                if target.startswith("/"):
                    del trail[1:]
                names.extendleft(reversed([part for part in target.split("/") if part]))
                continue
            trail.append((name, node, mounted.read_only if mounted is not None else read_only))
        name, node, read_only = trail[-1]
        if must_be_folder and not isinstance(node, FolderNode):
            raise problem(errno.ENOTDIR, path)
        parent = trail[-2][1] if len(trail) > 1 else None
        assert parent is None or isinstance(parent, FolderNode)
        return Place("/".join(entry[0] for entry in trail) or "/", node, parent, name, read_only)

    # What processes do with files

    def open(
        self, path: str, cwd: str, who: Who, *, write: bool, create: int | None = None, truncate: bool = False
    ) -> tuple[Node, Content | None]:
        """Open a file; for a device, the node alone.

        Args:
            create: the mode of a file that is made if it is missing; None makes none.
        """
        with self._lock:
            place = self.find(path, cwd, who)
            node = place.node
            if node is None:
                if create is None:
                    raise problem(errno.ENOENT, path)
                parent = self.may_change(place, who, path)
                made = parent.make(place.name, "file", create, who.uid, who.gid)
                assert isinstance(made, FileNode)
                return made, made.open(writable=True)
        if isinstance(node, FolderNode):
            raise problem(errno.EISDIR, path)
        if not permits(node, who, WRITE if write else READ):
            raise problem(errno.EACCES, path)
        if isinstance(node, Device):
            return node, None
        if not isinstance(node, FileNode):
            raise problem(errno.ENXIO, path)
        if write:
            place.writable(path)
        content = node.open(writable=write)
        if truncate:
            content.truncate(0)
        return node, content

    def may_change(self, place: Place, who: Who, asked: str) -> FolderNode:
        """The folder that ``place`` is in, if ``who`` may add and remove names there."""
        if place.parent is None:
            raise problem(errno.EBUSY, asked)
        place.writable(asked)
        if not (permits(place.parent, who, WRITE) and permits(place.parent, who, SEARCH)):
            raise problem(errno.EACCES, asked)
        return place.parent

    def make_folder(self, path: str, cwd: str, who: Who, mode: int) -> None:
        """``mkdir``: only the last name may be missing."""
        with self._lock:
            place = self.find(path, cwd, who, follow=False)
            if place.node is not None:
                raise problem(errno.EEXIST, path)
            self.may_change(place, who, path).make(place.name, "folder", mode, who.uid, who.gid)

    def remove(self, path: str, cwd: str, who: Who) -> None:
        """Remove a file, a link or an empty folder."""
        with self._lock:
            place = self.find(path, cwd, who, follow=False)
            node = place.found(path)
            if place.path in self._mounts:
                raise problem(errno.EBUSY, path)
            parent = self.may_change(place, who, path)
            if isinstance(node, FolderNode) and node.names():
                raise problem(errno.ENOTEMPTY, path)
            # In a sticky folder, as /tmp is, one removes only what is one's own.
            folder = parent.status()
            if folder.mode & 0o1000 and who.uid not in (0, folder.uid, node.status().uid):
                raise problem(errno.EPERM, path)
            parent.remove(place.name)

    def list(self, path: str, cwd: str, who: Who) -> list[str]:
        """The names in a folder."""
        place = self.find(path, cwd, who)
        node = place.found(path)
        if not isinstance(node, FolderNode):
            raise problem(errno.ENOTDIR, path)
        if not permits(node, who, READ):
            raise problem(errno.EACCES, path)
        return node.names()

    def folder(self, path: str, cwd: str, who: Who) -> str:
        """The absolute path of a folder that ``who`` may enter."""
        place = self.find(path, cwd, who)
        node = place.found(path)
        if not isinstance(node, FolderNode):
            raise problem(errno.ENOTDIR, path)
        if not permits(node, who, SEARCH):
            raise problem(errno.EACCES, path)
        return place.path

    def touch(self, path: str, cwd: str, who: Who, mode: int) -> None:
        """Make an empty file, or set the time of what is there to now."""
        place = self.find(path, cwd, who)
        if place.node is None:
            self.may_change(place, who, path).make(place.name, "file", mode, who.uid, who.gid)
            return
        place.writable(path)
        if who.uid not in (0, place.node.status().uid) and not permits(place.node, who, WRITE):
            raise problem(errno.EACCES, path)
        place.node.set_time(time.time())

    def owned(self, path: str, cwd: str, who: Who, *, follow: bool = True) -> Node:
        """What is at ``path``, if ``who`` may change its mode."""
        place = self.find(path, cwd, who, follow=follow)
        node = place.found(path)
        place.writable(path)
        if who.uid not in (0, node.status().uid):
            raise problem(errno.EPERM, path)
        return node
