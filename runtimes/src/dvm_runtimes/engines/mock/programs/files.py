"""Programs that read, make, remove and describe files."""

from __future__ import annotations

import errno
import getopt
import posixpath
import re
import stat as modes
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock.handles import open_file
from dvm_runtimes.engines.mock.nodes import FolderNode, LinkNode, Node, Status
from dvm_runtimes.engines.mock.tree import problem
from dvm_runtimes.engines.mock.users import group_id, group_name, user_id, user_name

from . import UsageError, fail, operands

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_PIECE = 256 * 1024
_TYPES = {"folder": modes.S_IFDIR, "link": modes.S_IFLNK, "device": modes.S_IFCHR, "file": modes.S_IFREG}
_KINDS = {"folder": "directory", "link": "symbolic link", "device": "character special file", "file": "regular file"}
_SYMBOLIC = re.compile(r"([ugoa]*)([-+=])([rwx]*)")


def _each(process: Process, argv: list[str], paths: list[str], act: Callable[[str], None]) -> int:
    """Do ``act`` with every path; 1 if any of them could not be done, and why on standard error."""
    status = 0
    for path in paths:
        process.checkpoint()
        try:
            act(path)
        except OSError as error:
            status = fail(process, argv, f"{error.filename or path}: {error.strerror}")
    return status


def _pieces(process: Process, path: str, size: int = _PIECE) -> Iterator[bytes]:
    """The content of a file, or of standard input for ``-``."""
    file = process.file(0).retain() if path == "-" else open_file(process, path, "r")
    try:
        while piece := file.read(process, size):
            yield piece
            process.checkpoint()
    finally:
        file.release()


# Content


def cat(process: Process, argv: list[str]) -> int:
    """``cat [FILE|-]...``."""

    def show(path: str) -> None:
        for piece in _pieces(process, path):
            process.write(1, piece)

    return _each(process, argv, argv[1:] or ["-"], show)


def _counted(argv: list[str]) -> tuple[bool, str, list[str]]:
    """Of ``head`` and ``tail``: whether bytes are counted, how many, and the paths."""
    options, paths = getopt.gnu_getopt(argv[1:], "c:n:")
    unit, amount = options[-1] if options else ("-n", "10")
    if not amount.removeprefix("+").isdecimal():
        raise UsageError(f"invalid number '{amount}'")
    return unit == "-c", amount, paths or ["-"]


def head(process: Process, argv: list[str]) -> int:
    """``head [-c BYTES | -n LINES] [FILE]...``."""
    in_bytes, amount, paths = _counted(argv)

    def show(path: str) -> None:
        left = int(amount)
        for piece in _pieces(process, path, min(_PIECE, left) if in_bytes and left else _PIECE):
            lines = [piece[:left]] if in_bytes else piece.splitlines(keepends=True)[:left]
            process.write(1, b"".join(lines))
            left -= len(lines[0]) if in_bytes else sum(line.endswith(b"\n") for line in lines)
            if left <= 0:
                return

    return _each(process, argv, paths, show)


def tail(process: Process, argv: list[str]) -> int:
    """``tail [-c [+]BYTES | -n [+]LINES] [FILE]...``."""
    in_bytes, amount, paths = _counted(argv)

    def show(path: str) -> None:
        data = b"".join(_pieces(process, path))
        units = [data[at : at + 1] for at in range(len(data))] if in_bytes else data.splitlines(keepends=True)
        count = int(amount)
        kept = units[max(0, count - 1) :] if amount.startswith("+") else deque(units, maxlen=count)
        process.write(1, b"".join(kept))

    return _each(process, argv, paths, show)


def wc(process: Process, argv: list[str]) -> int:
    """``wc [-clw] [FILE]...``."""
    options, paths = getopt.gnu_getopt(argv[1:], "clw")
    letters = [letter for letter in "lwc" if not options or (f"-{letter}", "") in options]

    def count(path: str) -> None:
        data = b"".join(_pieces(process, path))
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        process.put(" ".join([*(str(counts[letter]) for letter in letters), *([path] if paths else [])]) + "\n")

    return _each(process, argv, paths or ["-"], count)


# Names


def ls(process: Process, argv: list[str]) -> int:
    """``ls [-aAdl1] [FILE]...``."""
    options, paths = getopt.gnu_getopt(argv[1:], "aAdl1")
    flags = {option[1] for option, _ in options}
    tree = process.tree
    several = len(paths) > 1

    def show(path: str) -> None:
        node = tree.find(path, process.cwd, process.who, follow="l" not in flags).found(path)
        if not isinstance(node, FolderNode) or "d" in flags:
            _entry(process, path, node, long="l" in flags)
            return
        if several:
            process.put(f"{path}:\n")
        names = [".", ".."] if "a" in flags else []
        names += tree.list(path, process.cwd, process.who)
        for name in names:
            if flags & {"a", "A"} or not name.startswith("."):
                place = tree.find(posixpath.join(path, name), process.cwd, process.who, follow=False)
                _entry(process, name, place.found(name), long="l" in flags)
        if several:
            process.put("\n" if path != paths[-1] else "")

    # Files come before folders.
    return _each(process, argv, sorted(paths, key=lambda path: (_is_folder(process, path), path)) or ["."], show)


def _is_folder(process: Process, path: str) -> bool:
    try:
        return isinstance(process.tree.find(path, process.cwd, process.who).node, FolderNode)
    except OSError:
        return False


def _entry(process: Process, name: str, node: Node, *, long: bool) -> None:
    if long:
        found = node.status()
        clock = time.strftime("%b %e %H:%M", time.gmtime(found.mtime))
        owner = f"{user_name(process, found.uid)} {group_name(process, found.gid)}"
        name = f"{_letters(found)} 1 {owner} {found.size} {clock} {name}"
        name += f" -> {node.target}" if isinstance(node, LinkNode) else ""
    process.put(f"{name}\n")


def _letters(found: Status) -> str:
    return modes.filemode(_TYPES.get(found.kind, modes.S_IFREG) | found.mode)


def stat(process: Process, argv: list[str]) -> int:
    """``stat [-L] -c FORMAT FILE...``, with %n %s %a %A %u %g %U %G %F %Y."""
    options, paths = getopt.gnu_getopt(argv[1:], "Lc:")
    form = dict(options).get("-c", "%n %s %u:%g %a %F")

    def show(path: str) -> None:
        found = process.tree.find(path, process.cwd, process.who, follow=("-L", "") in options).found(path).status()
        values = {
            "n": path,
            "s": found.size,
            "a": f"{found.mode:o}",
            "A": _letters(found),
            "u": found.uid,
            "g": found.gid,
            "U": user_name(process, found.uid, "UNKNOWN"),
            "G": group_name(process, found.gid, "UNKNOWN"),
            "F": _KINDS.get(found.kind, found.kind),
            "Y": int(found.mtime),
            "%": "%",
        }
        process.put(re.sub("%(.)", lambda match: str(values.get(match[1], "?")), form) + "\n")

    return _each(process, argv, operands(paths), show)


# Changes


def mkdir(process: Process, argv: list[str]) -> int:
    """``mkdir [-p] [-m MODE] FOLDER...``."""
    options, paths = getopt.gnu_getopt(argv[1:], "pm:")
    flags = dict(options)
    mode = _new_mode(flags.get("-m", "755"), Status("folder", 0, 0, 0, 0, 0))

    def make(path: str) -> None:
        if "-p" not in flags:
            process.tree.make_folder(path, process.cwd, process.who, mode)
            return
        parts = path.rstrip("/").split("/")
        for index in range(len(parts)):
            part = "/".join(parts[: index + 1]) or "/"
            if not isinstance(process.tree.find(part, process.cwd, process.who).node, FolderNode):
                process.tree.make_folder(part, process.cwd, process.who, mode)

    return _each(process, argv, operands(paths), make)


def rm(process: Process, argv: list[str]) -> int:
    """``rm [-rf] FILE...``."""
    options, paths = getopt.gnu_getopt(argv[1:], "rRf")
    force = ("-f", "") in options
    tree, cwd, who = process.tree, process.cwd, process.who

    def remove(path: str) -> None:
        process.checkpoint()
        node = tree.find(path, cwd, who, follow=False).node
        if node is None and force:
            return
        if isinstance(node, FolderNode):
            if not {("-r", ""), ("-R", "")} & set(options):
                raise problem(errno.EISDIR, path)
            for name in tree.list(path, cwd, who):
                remove(posixpath.join(path, name))
        tree.remove(path, cwd, who)

    return _each(process, argv, paths if force else operands(paths), remove)


def touch(process: Process, argv: list[str]) -> int:
    """``touch FILE...``."""
    _, paths = getopt.gnu_getopt(argv[1:], "")
    return _each(process, argv, operands(paths), lambda path: process.tree.touch(path, process.cwd, process.who, 0o644))


def chmod(process: Process, argv: list[str]) -> int:
    """``chmod [-R] MODE FILE...``; modes as ``755``, ``u+x``, ``go=``."""
    words = argv[1:]
    recursive = words[:1] == ["-R"]
    mode, *paths = operands(words[recursive:])
    _new_mode(mode, Status("file", 0, 0, 0, 0, 0))

    def change(path: str) -> None:
        node = process.tree.owned(path, process.cwd, process.who)
        node.set_mode(_new_mode(mode, node.status()))

    return _each_below(process, argv, operands(paths), change, recursive=recursive)


def _new_mode(text: str, found: Status) -> int:
    if re.fullmatch("[0-7]{1,4}", text):
        return int(text, 8)
    mode = found.mode
    for part in text.split(","):
        match = _SYMBOLIC.fullmatch(part)
        if match is None:
            raise UsageError(f"invalid mode '{text}'")
        people = match[1] if match[1] and "a" not in match[1] else "ugo"
        mask = sum({"u": 0o700, "g": 0o070, "o": 0o007}[person] for person in set(people))
        bits = mask & sum({"r": 0o444, "w": 0o222, "x": 0o111}[letter] for letter in set(match[3]))
        mode = mode | bits if match[2] == "+" else mode & ~bits if match[2] == "-" else mode & ~mask | bits
    return mode


def chown(process: Process, argv: list[str]) -> int:
    """``chown [-R] USER[:GROUP] FILE...``."""
    options, words = getopt.gnu_getopt(argv[1:], "R")
    owner, *paths = operands(words)
    user, _, group = owner.partition(":")
    uid = user_id(process, user) if user else -1
    gid = group_id(process, group) if group else -1
    if uid is None or gid is None:
        raise UsageError(f"unknown user/group {owner}")

    def change(path: str) -> None:
        node = process.tree.owned(path, process.cwd, process.who)
        found = node.status()
        new = (found.uid if uid == -1 else uid, found.gid if gid == -1 else gid)
        if process.who.uid != 0 and new != (found.uid, found.gid):
            raise problem(errno.EPERM, path)
        node.set_owner(*new)

    return _each_below(process, argv, operands(paths), change, recursive=bool(options))


def _each_below(
    process: Process, argv: list[str], paths: list[str], change: Callable[[str], None], *, recursive: bool
) -> int:
    """Do ``change`` with every path and, if ``recursive``, with what is below it."""

    def reach(path: str) -> None:
        if recursive and _is_folder(process, path):
            for name in process.tree.list(path, process.cwd, process.who):
                reach(posixpath.join(path, name))
        change(path)

    return _each(process, argv, paths, reach)
