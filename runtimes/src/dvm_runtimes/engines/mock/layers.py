"""COPY of a build: files of the context or of another image, into the files of an image. All of them are in memory."""

from __future__ import annotations

import fnmatch
import hashlib
import posixpath
from collections.abc import Sequence

from .nodes import FolderNode, LinkNode, MemoryFile, MemoryFolder, MemoryLink, Node
from .tree import Tree, Who


def matching(root: FolderNode, pattern: str) -> list[tuple[str, Node]]:
    """The nodes below ``root`` that a source of COPY names, with their paths; ``*`` and ``?`` stay within a name."""
    found: list[tuple[str, Node]] = [("", root)]
    for part in [part for part in posixpath.normpath("/" + pattern).split("/") if part]:
        found = [
            (f"{path}/{name}", child)
            for path, node in found
            if isinstance(node, FolderNode)
            for name in node.names()
            if fnmatch.fnmatchcase(name, part) and (child := node.get(name)) is not None
        ]
    return found


def digest(nodes: Sequence[tuple[str, Node]]) -> str:
    """A digest of paths, modes and bytes, but not of times."""
    total = hashlib.sha256()
    for path, node in nodes:
        status = node.status()
        total.update(f"{path}\0{status.kind}\0{status.mode}\0".encode(errors="surrogateescape"))
        if isinstance(node, FolderNode):
            children = [(name, child) for name in node.names() if (child := node.get(name)) is not None]
            total.update(digest(children).encode())
        elif isinstance(node, LinkNode):
            total.update(node.target.encode(errors="surrogateescape"))
        elif isinstance(node, MemoryFile):
            total.update(node.read_at(0, node.size()))
    return total.hexdigest()


def copy_into(tree: Tree, sources: Sequence[tuple[str, Node]], destination: str, who: Who) -> None:
    """Copy files, and the content of folders.

    Args:
        tree: the files of the image.
        sources: paths and nodes.
        destination: absolute; a folder if it ends in a slash.
        who: the owner of the copies.
    """
    folder_there = destination.endswith("/") or len(sources) > 1 or _is_folder(tree, destination)
    for path, node in sources:
        folder, name = (destination, posixpath.basename(path)) if folder_there else posixpath.split(destination)
        target = tree.make_folders(destination if isinstance(node, FolderNode) else folder)
        assert isinstance(target, MemoryFolder)
        if isinstance(node, FolderNode):
            _merge(node, target, who)
        else:
            _put(node, target, name, who)


def _is_folder(tree: Tree, path: str) -> bool:
    try:
        return isinstance(tree.find(path).node, FolderNode)
    except OSError:
        return False


def _merge(source: FolderNode, target: MemoryFolder, who: Who) -> None:
    for name in source.names():
        node = source.get(name)
        if isinstance(node, FolderNode):
            inside = target.get(name)
            if not isinstance(inside, MemoryFolder):
                inside = MemoryFolder(node.status().mode, who.uid, who.gid)
                target.put(name, inside)
            _merge(node, inside, who)
        elif node is not None:
            _put(node, target, name, who)


def _put(node: Node, folder: MemoryFolder, name: str, who: Who) -> None:
    if isinstance(node, MemoryFile | MemoryLink):
        copied = node.copy()
        copied.set_owner(who.uid, who.gid)
        folder.put(name, copied)
