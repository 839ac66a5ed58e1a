"""From a command's words to the program that runs: the kernel's ``execve`` and the search along PATH."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING

from .nodes import FileNode, FolderNode, MemoryFile
from .tree import EXECUTE, problem

if TYPE_CHECKING:
    from .nodes import Node
    from .processes import Process

Program = Callable[["Process", list[str]], int]
"""What a program does with its process and its words; its result is the exit code."""

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Its programs look like binaries, so that whoever copies them out and in
# again, or looks at them, sees what a real image has.
_MAGIC = b"\x7fELF\x02\x01\x01\x00dvm-mock:"


class CommandProblem(Exception):
    """A command that cannot be started.

    Attributes:
        status: 127 where nothing was found, 126 where it may not be executed.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def program_file(name: str) -> MemoryFile:
    """The executable file of one of the mock's programs."""
    return MemoryFile(_MAGIC + name.encode() + b"\n", 0o755)


def find_program(process: Process, name: str, search: str | None = None) -> str:
    """The path of the program that ``name`` stands for.

    Args:
        process: whose files, folder and rights count.
        name: a path if it has a slash, else looked for along PATH.
        search: another PATH than the process's own.

    Raises:
        CommandProblem: there is none, or it may not be executed.
    """
    if "/" in name:
        _executable(process, name)
        return name
    refused: CommandProblem | None = None
    path = search if search is not None else process.env.get("PATH", DEFAULT_PATH)
    for folder in path.split(":"):
        candidate = posixpath.join(folder or ".", name)
        try:
            _executable(process, candidate)
        except CommandProblem as error:
            if error.status == 126:
                refused = refused or error
            continue
        return candidate
    raise refused or CommandProblem(f"{name}: not found", 127)


def _executable(process: Process, path: str) -> FileNode:
    try:
        node: Node = process.tree.find(path, process.cwd, process.who).found(path)
    except OSError as error:
        status = 127 if error.errno in (errno.ENOENT, errno.ENOTDIR) else 126
        raise CommandProblem(f"{path}: {'not found' if status == 127 else error.strerror}", status) from None
    if isinstance(node, FolderNode):
        raise CommandProblem(f"{path}: Permission denied", 126)
    if not isinstance(node, FileNode) or not _may_execute(process, node):
        raise CommandProblem(f"{path}: Permission denied", 126)
    return node


def _may_execute(process: Process, node: FileNode) -> bool:
    from .tree import permits

    return permits(node, process.who, EXECUTE)


def load(process: Process, path: str, argv: list[str]) -> Callable[[Process], int]:
    """What runs when the file at ``path`` is executed with ``argv``.

    Raises:
        CommandProblem: it cannot be executed.
        OSError: ``ENOEXEC``: neither a program nor a script with ``#!``; a shell takes it for a script of its own.
    """
    from .programs import find

    head = _executable(process, path).open(writable=False).read_at(0, 256)
    if head.startswith(_MAGIC):
        name = head[len(_MAGIC) :].partition(b"\n")[0].decode(errors="replace")
        program = find(name)
        if program is not None:
            return lambda running: program(running, argv)
    if head.startswith(b"#!"):
        words = head[2:].partition(b"\n")[0].decode(errors="surrogateescape").split(None, 1)
        if words:
            interpreter, *argument = (word.strip() for word in words)
            return load(process, interpreter, [interpreter, *argument, path, *argv[1:]])
    raise problem(errno.ENOEXEC, path)


def prepare(process: Process, argv: list[str]) -> Callable[[Process], int]:
    """The body that runs ``argv`` as the kernel would, without a shell.

    Raises:
        CommandProblem: it cannot be started.
    """
    path = find_program(process, argv[0])
    try:
        return load(process, path, argv)
    except OSError as error:
        raise CommandProblem(f"{argv[0]}: {_words(error)}", 126) from None


def _words(error: OSError) -> str:
    return "Exec format error" if error.errno == errno.ENOEXEC else str(error.strerror)
