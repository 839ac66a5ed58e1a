"""What a container changed in the files of its image."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import FileNode, FolderNode, LinkNode, Node


def changed(before: FolderNode, now: FolderNode, path: str = "") -> Iterator[str]:
    """Every path that was added, changed or removed, and the folders above it; as ``docker diff`` tells them."""
    for name in sorted({*before.names(), *now.names()}):
        inside = f"{path}/{name}"
        old, new = before.get(name), now.get(name)
        if isinstance(old, FolderNode) and isinstance(new, FolderNode):
            below = list(changed(old, new, inside))
            if below or _attributes(old) != _attributes(new):
                yield inside
            yield from below
        elif old is None or new is None or _attributes(old) != _attributes(new) or _content(old) != _content(new):
            yield inside
            for folder in (old, new):
                if isinstance(folder, FolderNode):
                    yield from (f"{inside}{below}" for below in _all(folder))


def _all(folder: FolderNode, path: str = "") -> Iterator[str]:
    for name in folder.names():
        yield f"{path}/{name}"
        node = folder.get(name)
        if isinstance(node, FolderNode):
            yield from _all(node, f"{path}/{name}")


def _attributes(node: Node) -> tuple[object, ...]:
    status = node.status()
    return status.kind, status.mode, status.uid, status.gid


def _content(node: Node) -> bytes | str:
    if isinstance(node, LinkNode):
        return node.target
    if isinstance(node, FileNode):
        content = node.open(writable=False)
        return content.read_at(0, content.size())
    return ""
