"""Tar streams into a container's files and out of them, with owners, modes and times as they are."""

from __future__ import annotations

import contextlib
import errno
import posixpath
import tarfile
from collections.abc import Iterable, Iterator

from dvm_runtimes.workspaces.archive import PieceReader

from .nodes import Content, FileNode, FolderNode, LinkNode, Node
from .tree import Tree, problem

_PIECE = 256 * 1024


def write_archive(tree: Tree, path: str) -> Iterator[bytes]:
    """What is at ``path`` as a tar stream; a folder's ``/.`` stands for what is in it.

    Raises:
        OSError: there is nothing, or it cannot be read.
    """
    # As with Docker, only a trailing slash or dot follows a link.
    place = tree.find(path, follow=path.endswith(("/", "/.")))
    node = place.found(path)
    base = "." if path.endswith("/.") else posixpath.basename(posixpath.normpath(path)) or "."
    return _pack(node, base, tree, place.path, {})


def _pack(node: Node, name: str, tree: Tree, path: str, seen: dict[int, str]) -> Iterator[bytes]:
    found = node.status()
    member = tarfile.TarInfo(name)
    member.mode, member.uid, member.gid, member.mtime = found.mode, found.uid, found.gid, int(found.mtime)
    content: Content | None = None
    if isinstance(node, FolderNode):
        member.type = tarfile.DIRTYPE
    elif isinstance(node, LinkNode):
        member.type = tarfile.SYMTYPE
        member.linkname = node.target
    elif isinstance(node, FileNode):
        first = seen.setdefault(id(node), name)
        if first != name:
            member.type, member.linkname = tarfile.LNKTYPE, first
        else:
            content = node.open(writable=False)
            member.size = content.size()
    else:
        return  # sockets and devices belong to where they are
    yield member.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape")
    if content is not None:
        yield from _bytes(content, member.size)
    if isinstance(node, FolderNode):
        for child in node.names():
            place = tree.find(posixpath.join(path, child), follow=False)
            if place.node is not None:
                yield from _pack(place.node, f"{name}/{child}", tree, place.path, seen)


def _bytes(content: Content, size: int) -> Iterator[bytes]:
    try:
        at = 0
        while at < size:
            piece = content.read_at(at, min(_PIECE, size - at))
            if not piece:
                piece = bytes(min(_PIECE, size - at))  # it became shorter meanwhile; the stream must not
            at += len(piece)
            yield piece
        if padding := -size % tarfile.BLOCKSIZE:
            yield bytes(padding)
    finally:
        content.close()


def finished(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A tar stream with its end."""
    yield from pieces
    yield bytes(2 * tarfile.BLOCKSIZE)


def read_archive(tree: Tree, path: str, pieces: Iterable[bytes]) -> None:
    """Unpack a tar stream into the folder ``path``.

    Raises:
        OSError: there is no such folder, or it cannot be written.
        tarfile.TarError: not a tar stream.
    """
    folder = tree.find(path).found(path)
    if not isinstance(folder, FolderNode):
        raise problem(errno.ENOTDIR, path)
    tree.find(posixpath.join(path, ".probe"), follow=False).writable(path)
    with tarfile.open(fileobj=PieceReader(pieces), mode="r|", errorlevel=2) as tar:  # type: ignore[call-overload]
        for member in tar:
            _extract(tar, member, tree, path)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, tree: Tree, base: str) -> None:
    # A name cannot climb out: normpath on an absolute path stays below its root.
    target = base.rstrip("/") + posixpath.normpath("/" + member.name)
    if posixpath.normpath(target) == posixpath.normpath(base):
        return
    place = tree.find(target, follow=False)
    if place.node is None and place.parent is None:
        raise problem(errno.ENOENT, target)
    place.writable(target)
    parent = place.parent
    assert parent is not None
    node = place.node
    if member.isdir():
        if not isinstance(node, FolderNode):
            if node is not None:
                parent.remove(place.name)
            node = parent.make(place.name, "folder", member.mode, member.uid, member.gid)
        _settle(node, member)
        return
    if isinstance(node, FolderNode):
        raise problem(errno.EISDIR, target)
    if node is not None:
        parent.remove(place.name)
    if member.issym():
        parent.make(place.name, "link", 0o777, member.uid, member.gid, member.linkname)
    elif member.islnk():
        first = tree.find(base.rstrip("/") + posixpath.normpath("/" + member.linkname), follow=False)
        parent.make_hard_link(place.name, first.found(member.linkname))
    elif member.isreg():
        made = parent.make(place.name, "file", member.mode, member.uid, member.gid)
        assert isinstance(made, FileNode)
        content = made.open(writable=True)
        source = tar.extractfile(member)
        assert source is not None
        with contextlib.closing(content):
            for piece in iter(lambda: source.read(_PIECE), b""):
                content.write_at(source.tell() - len(piece), piece)
        _settle(made, member)


def _settle(node: Node, member: tarfile.TarInfo) -> None:
    node.set_owner(member.uid, member.gid)
    node.set_mode(member.mode)
    node.set_time(float(member.mtime))
