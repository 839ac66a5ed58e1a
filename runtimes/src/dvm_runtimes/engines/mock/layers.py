"""What a build copies: the files of its context and of other stages, into the files of an image."""

from __future__ import annotations

import fnmatch
import hashlib
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from dvm_runtimes.builds.dockerignore import Ignore

from .hostnodes import host_node
from .nodes import FileNode, FolderNode, LinkNode, MemoryFile, MemoryFolder, MemoryLink, Node
from .tree import Tree, Who


def read_context(folder: Path) -> MemoryFolder:
    """A build context as an engine gets it: without what its ``.dockerignore`` leaves out, owned by root."""
    found = host_node(folder.resolve())
    assert isinstance(found, FolderNode), folder
    return _read(found, "", Ignore.of(folder)) or MemoryFolder()


def _read(folder: FolderNode, path: str, rules: Ignore) -> MemoryFolder | None:
    made = MemoryFolder(folder.status().mode, mtime=folder.status().mtime)
    for name in folder.names():
        inside = f"{path}/{name}" if path else name
        node = folder.get(name)
        ignored = rules.leaves_out(inside)
        copied: Node | None = None
        if isinstance(node, FolderNode):
            if not ignored or rules.has_exceptions:
                copied = _read(node, inside, rules)
        elif node is not None and not ignored:
            copied = duplicate(node, Who(0, 0))
        # An ignored folder is only there for what is wanted below it.
        if copied is not None and not (ignored and isinstance(copied, MemoryFolder) and not copied.names()):
            made.put(name, copied)
    made.set_time(folder.status().mtime)
    return made


def duplicate(node: Node, who: Who) -> Node | None:
    """A node in memory with the same content that belongs to ``who``; None for what no archive carries."""
    status = node.status()
    if isinstance(node, LinkNode):
        return MemoryLink(node.target, who.uid, who.gid, status.mtime)
    if isinstance(node, FileNode):
        content = node.open(writable=False)
        try:
            data = b"".join(_pieces(content.read_at, content.size()))
        finally:
            content.close()
        return MemoryFile(data, status.mode, who.uid, who.gid, status.mtime)
    return None


def _pieces(read_at: object, size: int) -> Iterator[bytes]:
    assert callable(read_at)
    at = 0
    while at < size and (piece := read_at(at, size - at)):
        at += len(piece)
        yield piece


def matching(root: FolderNode, pattern: str) -> list[tuple[str, Node]]:
    """The nodes below ``root`` that a source of COPY means, with their paths; ``*`` and ``?`` stay within a name."""
    parts = [part for part in posixpath.normpath("/" + pattern).split("/") if part]
    found: list[tuple[str, Node]] = [("", root)]
    for part in parts:
        found = [
            (f"{path}/{name}", child)
            for path, node in found
            if isinstance(node, FolderNode)
            for name in node.names()
            if fnmatch.fnmatchcase(name, part)
            for child in [node.get(name)]
            if child is not None
        ]
    return found


def digest(nodes: Sequence[tuple[str, Node]]) -> str:
    """What tells two sets of files apart: paths, modes and bytes, but not times."""
    total = hashlib.sha256()
    for path, node in nodes:
        status = node.status()
        total.update(f"{path}\0{status.kind}\0{status.mode}\0".encode(errors="surrogateescape"))
        if isinstance(node, FolderNode):
            children = [(name, child) for name in node.names() if (child := node.get(name)) is not None]
            total.update(digest(children).encode())
        elif isinstance(node, LinkNode):
            total.update(node.target.encode(errors="surrogateescape"))
        elif isinstance(node, FileNode):
            content = node.open(writable=False)
            total.update(content.read_at(0, content.size()))
    return total.hexdigest()


def copy_into(tree: Tree, sources: Sequence[tuple[str, Node]], destination: str, who: Who, mode: int | None) -> None:
    """Copy files, and what is in folders, as COPY does it.

    Args:
        tree: where to.
        sources: what, with the path of each.
        destination: absolute; a folder if it ends in a slash.
        who: whose they are then.
        mode: theirs; None keeps it.
    """
    there = tree.find(destination.rstrip("/") or "/") if _exists(tree, destination) else None
    into_folder = destination.endswith("/") or len(sources) > 1 or isinstance(there and there.node, FolderNode)
    for path, node in sources:
        if isinstance(node, FolderNode):
            _merge(node, tree.make_folders(destination, Who(0, 0)), who, mode)
            continue
        folder, name = (destination, posixpath.basename(path)) if into_folder else posixpath.split(destination)
        _place(node, tree.make_folders(folder, Who(0, 0)), name, who, mode)


def _exists(tree: Tree, path: str) -> bool:
    try:
        return tree.find(path.rstrip("/") or "/").node is not None
    except OSError:
        return False


def _merge(source: FolderNode, target: FolderNode, who: Who, mode: int | None) -> None:
    for name in source.names():
        node = source.get(name)
        if isinstance(node, FolderNode):
            inside = target.get(name)
            if not isinstance(inside, FolderNode):
                inside = target.make_folder(name, node.status().mode, who.uid, who.gid)
            _merge(node, inside, who, mode)
        elif node is not None:
            _place(node, target, name, who, mode)


def _place(node: Node, folder: FolderNode, name: str, who: Who, mode: int | None) -> None:
    copied = duplicate(node, who)
    if copied is not None:
        assert isinstance(folder, MemoryFolder)
        if mode is not None:
            copied.set_mode(mode)
        folder.put(name, copied)
