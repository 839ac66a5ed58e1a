"""Programs that make, remove, describe and hand over files."""

from __future__ import annotations

import errno
import posixpath
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock.nodes import FolderNode, LinkNode, Status
from dvm_runtimes.engines.mock.tree import problem
from dvm_runtimes.engines.mock.users import group_id, group_name, user_id, user_name

from .usage import Wrong, each, fail, options

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_Change = Callable[[str], None]

_TYPES = {"folder": "d", "link": "l", "device": "c", "socket": "s", "fifo": "p", "file": "-"}
_WORDS = {
    "folder": "directory",
    "link": "symbolic link",
    "device": "character special file",
    "socket": "socket",
    "fifo": "fifo",
    "file": "regular file",
}


def ls(process: Process, argv: list[str]) -> int:
    """``ls [-aAdl1] [FILE]...``."""
    try:
        flags, paths = options(argv, "aAdl1")
    except Wrong as wrong:
        return fail(process, argv, str(wrong))
    tree, cwd, who = process.tree, process.cwd, process.who
    folders: list[str] = []
    plain: list[str] = []
    status = 0
    for path in sorted(paths) or ["."]:
        try:
            node = tree.find(path, cwd, who, follow="l" not in flags).found(path)
        except OSError as error:
            status = fail(process, argv, f"{path}: {error.strerror}")
            continue
        (folders if isinstance(node, FolderNode) and "d" not in flags else plain).append(path)
    for path in plain:
        process.put(_entry(process, path, path, long="l" in flags))
    for index, path in enumerate(folders):
        if len(folders) + len(plain) > 1:
            process.put(("\n" if index or plain else "") + f"{path}:\n")
        try:
            names = tree.list(path, cwd, who)
        except OSError as error:
            status = fail(process, argv, f"{path}: {error.strerror}")
            continue
        if "a" in flags:
            names = [".", "..", *names]
        elif "A" not in flags:
            names = [name for name in names if not name.startswith(".")]
        for name in names:
            process.put(_entry(process, posixpath.join(path, name), name, long="l" in flags))
    return status


def _entry(process: Process, path: str, shown: str, *, long: bool) -> str:
    if not long:
        return f"{shown}\n"
    node = process.tree.find(path, process.cwd, process.who, follow=False).found(path)
    found = node.status()
    clock = time.strftime("%b %e %H:%M", time.gmtime(found.mtime))
    arrow = f" -> {node.target}" if isinstance(node, LinkNode) else ""
    user, group = user_name(process, found.uid), group_name(process, found.gid)
    return f"{_letters(found)} 1 {user} {group} {found.size} {clock} {shown}{arrow}\n"


def _letters(found: Status) -> str:
    bits = "".join(letter if found.mode & 1 << 8 - index else "-" for index, letter in enumerate("rwxrwxrwx"))
    return _TYPES[found.kind] + bits


def mkdir(process: Process, argv: list[str]) -> int:
    """``mkdir [-p] [-m MODE] FOLDER...``."""
    try:
        flags, paths = options(argv, "p", "m")
        mode = int(flags["m"], 8) if "m" in flags else 0o777 & ~process.umask
    except (Wrong, ValueError) as wrong:
        return fail(process, argv, str(wrong))
    if not paths:
        return fail(process, argv, "missing operand")

    def make(path: str) -> None:
        if "p" not in flags:
            process.tree.make_folder(path, process.cwd, process.who, mode)
            return
        parts = path.rstrip("/").split("/") or [""]
        for index in range(len(parts)):
            part = "/".join(parts[: index + 1]) or "/"
            if not isinstance(process.tree.find(part, process.cwd, process.who).node, FolderNode):
                own = 0o777 & ~process.umask if index < len(parts) - 1 else mode
                process.tree.make_folder(part, process.cwd, process.who, own)

    return each(process, argv, paths, make)


def rm(process: Process, argv: list[str]) -> int:
    """``rm [-rf] FILE...``."""
    try:
        flags, paths = options(argv, "rRf")
    except Wrong as wrong:
        return fail(process, argv, str(wrong))
    if not paths and "f" not in flags:
        return fail(process, argv, "missing operand")
    recursive = bool(flags.keys() & {"r", "R"})
    tree, cwd, who = process.tree, process.cwd, process.who

    def remove(path: str) -> None:
        process.checkpoint()
        node = tree.find(path, cwd, who, follow=False).node
        if node is None:
            if "f" in flags:
                return
            raise problem(errno.ENOENT, path)
        if isinstance(node, FolderNode):
            if not recursive:
                raise problem(errno.EISDIR, path)
            for name in tree.list(path, cwd, who):
                remove(posixpath.join(path, name))
        tree.remove(path, cwd, who)

    def try_to(path: str) -> None:
        if posixpath.basename(posixpath.normpath(path)) in (".", "..") or posixpath.normpath(path) == "/":
            raise OSError(errno.EINVAL, "refusing to remove it", path)
        try:
            remove(path)
        except FileNotFoundError:
            if "f" not in flags:
                raise

    return each(process, argv, paths, try_to)


def touch(process: Process, argv: list[str]) -> int:
    """``touch FILE...``."""
    try:
        flags, paths = options(argv, "c")
    except Wrong as wrong:
        return fail(process, argv, str(wrong))

    def reach(path: str) -> None:
        if "c" not in flags or process.tree.find(path, process.cwd, process.who).node is not None:
            process.tree.touch(path, process.cwd, process.who, 0o666 & ~process.umask)

    return each(process, argv, paths, reach)


_SYMBOLIC = re.compile(r"([ugoa]*)([-+=])([rwxXst]*)")


def chmod(process: Process, argv: list[str]) -> int:
    """``chmod [-R] MODE FILE...``; modes as ``755``, ``u+x``, ``go=``."""
    words = argv[1:]
    recursive = words[:1] == ["-R"]
    words = words[1:] if recursive else words
    if len(words) < 2:
        return fail(process, argv, "missing operand")
    mode, *paths = words
    if not (re.fullmatch("[0-7]{1,4}", mode) or all(_SYMBOLIC.fullmatch(part) for part in mode.split(","))):
        return fail(process, argv, f"invalid mode '{mode}'")

    def change(path: str) -> None:
        node = process.tree.owned(path, process.cwd, process.who)
        node.set_mode(_new_mode(mode, node.status()))

    return _recursively(process, argv, paths, change, recursive=recursive)


def _new_mode(text: str, found: Status) -> int:
    if text.isdecimal():
        return int(text, 8)
    mode = found.mode
    for part in text.split(","):
        match = _SYMBOLIC.fullmatch(part)
        assert match is not None
        whom, operator, letters = match.groups()
        executable = found.kind == "folder" or found.mode & 0o111
        bits = 0
        for letter, bit in (("r", 4), ("w", 2), ("x", 1)):
            if letter in letters or (letter == "x" and "X" in letters and executable):
                bits |= bit
        everybody = whom in ("", "a") or "a" in whom
        mask = change = 0
        for person, shift in (("u", 6), ("g", 3), ("o", 0)):
            if everybody or person in whom:
                mask |= 7 << shift
                change |= bits << shift
        if "t" in letters:
            change |= 0o1000
        if "s" in letters:
            change |= (0o4000 if "u" in whom else 0) | (0o2000 if "g" in whom else 0)
        mode = mode | change if operator == "+" else mode & ~change if operator == "-" else mode & ~mask | change
    return mode


def chown(process: Process, argv: list[str]) -> int:
    """``chown [-R] USER[:GROUP] FILE...``."""
    try:
        flags, words = options(argv, "Rh")
    except Wrong as wrong:
        return fail(process, argv, str(wrong))
    if len(words) < 2:
        return fail(process, argv, "missing operand")
    user, _, group = words[0].partition(":")
    uid = user_id(process, user) if user else -1
    gid = group_id(process, group) if group else -1
    if uid is None or gid is None:
        return fail(process, argv, f"unknown user/group {words[0]}")
    new_uid, new_gid = uid, gid

    def change(path: str) -> None:
        node = process.tree.owned(path, process.cwd, process.who, follow="h" not in flags)
        found = node.status()
        if process.who.uid != 0 and (new_uid not in (-1, found.uid) or new_gid not in (-1, found.gid)):
            raise problem(errno.EPERM, path)
        node.set_owner(found.uid if new_uid < 0 else new_uid, found.gid if new_gid < 0 else new_gid)

    return _recursively(process, argv, words[1:], change, recursive="R" in flags)


def _recursively(process: Process, argv: list[str], paths: list[str], change: _Change, *, recursive: bool) -> int:
    def reach(path: str) -> None:
        if recursive:
            place = process.tree.find(path, process.cwd, process.who, follow=False)
            if isinstance(place.node, FolderNode):
                for name in process.tree.list(path, process.cwd, process.who):
                    reach(posixpath.join(path, name))
        change(path)

    return each(process, argv, paths, reach)


def stat(process: Process, argv: list[str]) -> int:
    """``stat [-L] -c FORMAT FILE...``, with %n %s %a %A %u %g %U %G %F %Y."""
    try:
        flags, paths = options(argv, "L", "c")
    except Wrong as wrong:
        return fail(process, argv, str(wrong))
    form = flags.get("c", "%n %s %u:%g %a %F")

    def show(path: str) -> None:
        node = process.tree.find(path, process.cwd, process.who, follow="L" in flags).found(path)
        found = node.status()
        values = {
            "n": path,
            "s": str(found.size),
            "a": f"{found.mode:o}",
            "A": _letters(found),
            "u": str(found.uid),
            "g": str(found.gid),
            "U": user_name(process, found.uid, "UNKNOWN"),
            "G": group_name(process, found.gid, "UNKNOWN"),
            "F": "regular empty file" if found.kind == "file" and not found.size else _WORDS[found.kind],
            "Y": str(int(found.mtime)),
            "%": "%",
        }
        process.put(re.sub("%(.)", lambda match: values.get(match.group(1), "?"), form) + "\n")

    return each(process, argv, paths, show)
