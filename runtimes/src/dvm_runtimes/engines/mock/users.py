"""Users and groups of a container: its ``/etc/passwd`` and ``/etc/group``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .tree import Tree, Who

if TYPE_CHECKING:
    from .processes import Process


@dataclass(frozen=True, slots=True)
class User:
    """One line of ``/etc/passwd``."""

    name: str
    uid: int
    gid: int
    home: str


class UnknownUserError(Exception):
    """A name that ``/etc/passwd`` does not have."""


def _lines(tree: Tree, path: str) -> Iterator[list[str]]:
    try:
        _, content = tree.open(path, "/", Who(0, 0), write=False)
    except OSError:
        return
    if content is None:
        return
    text = content.read_at(0, content.size()).decode(errors="replace")
    content.close()
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdecimal():
            yield fields


def users(tree: Tree) -> Iterator[User]:
    """All users."""
    for fields in _lines(tree, "/etc/passwd"):
        if len(fields) > 5 and fields[3].isdecimal():
            yield User(fields[0], int(fields[2]), int(fields[3]), fields[5])


def resolve(tree: Tree, text: str) -> tuple[Who, str]:
    """Who ``"uid:gid"``, ``"name"`` or ``""`` (root) is, and their home folder, as runc finds them.

    Raises:
        UnknownUserError: a name that is not there.
    """
    user, _, group = text.partition(":")
    known = list(users(tree))
    found = next((one for one in known if user in (one.name, str(one.uid))), None)
    if found is None and user and not user.isdecimal():
        raise UnknownUserError(f"unable to find user {user}: no matching entries in passwd file")
    uid = found.uid if found is not None else int(user or 0)
    gid = found.gid if found is not None else 0
    if group.isdecimal():
        gid = int(group)
    elif group:
        number = next((int(fields[2]) for fields in _lines(tree, "/etc/group") if fields[0] == group), None)
        if number is None:
            raise UnknownUserError(f"unable to find group {group}: no matching entries in group file")
        gid = number
    return Who(uid, gid), found.home if found is not None else "/"


def user_name(process: Process, uid: int, missing: str = "") -> str:
    """The name of a user; where there is none, ``missing`` or the number."""
    return next((user.name for user in users(process.tree) if user.uid == uid), missing or str(uid))


def group_name(process: Process, gid: int, missing: str = "") -> str:
    """The name of a group; where there is none, ``missing`` or the number."""
    named = (fields[0] for fields in _lines(process.tree, "/etc/group") if int(fields[2]) == gid)
    return next(named, missing or str(gid))


def user_id(process: Process, text: str) -> int | None:
    """The number of a user, given by name or number."""
    if text.isdecimal():
        return int(text)
    return next((user.uid for user in users(process.tree) if user.name == text), None)


def group_id(process: Process, text: str) -> int | None:
    """The number of a group, given by name or number."""
    if text.isdecimal():
        return int(text)
    return next((int(fields[2]) for fields in _lines(process.tree, "/etc/group") if fields[0] == text), None)
