"""From a command's argv to the program that runs: the kernel's ``execve`` and the search along PATH."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Callable

from dvm_runtimes.engines.base import ExecSpec

from .nodes import FileNode, MemoryFile
from .processes import Body, Process
from .tree import EXECUTE, permits

Program = Callable[[Process, list[str]], int]
"""What a program does with its process and its argv; its result is the exit code."""

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SCRIPT_IT = "script the command with script_exec() on the runtime's `mock`"
"""What to do about a command that the mock cannot run."""

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

    @property
    def advice(self) -> str:
        """The message, and what to do about a missing program."""
        return f"{self}: the mock has a few programs only; {SCRIPT_IT}" if self.status == 127 else str(self)


def program_file(name: str) -> MemoryFile:
    """The executable file of one of the mock's programs."""
    return MemoryFile(_MAGIC + name.encode() + b"\n", 0o755)


def find_program(process: Process, name: str) -> str:
    """The path of the program that ``name`` stands for.

    Args:
        process: whose files, folder, rights and PATH count.
        name: a path if it has a slash, else looked for along PATH.

    Raises:
        CommandProblem: there is none, or it may not be executed.
    """
    if "/" in name:
        _executable(process, name)
        return name
    refused = CommandProblem(f"{name}: not found", 127)
    for folder in process.env.get("PATH", DEFAULT_PATH).split(":"):
        candidate = posixpath.join(folder or ".", name)
        try:
            _executable(process, candidate)
        except CommandProblem as error:
            refused = error if error.status == 126 else refused
        else:
            return candidate
    raise refused


def _executable(process: Process, path: str) -> FileNode:
    try:
        node = process.tree.find(path, process.cwd, process.who).found(path)
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        raise CommandProblem(f"{path}: {'not found' if missing else error.strerror}", 127 if missing else 126) from None
    if not isinstance(node, FileNode) or not permits(node, process.who, EXECUTE):
        raise CommandProblem(f"{path}: Permission denied", 126)
    return node


def prepare(process: Process, argv: list[str], *, scripted: bool = True) -> Body:
    """The body that runs ``argv`` as the kernel would, without a shell.

    Args:
        process: whose files, folder, rights and environment count.
        argv: the command.
        scripted: a scripted answer goes first.

    Raises:
        CommandProblem: it cannot be started.
    """
    if scripted:
        who = process.who
        answer = process.table.scripted(
            ExecSpec(
                command=tuple(argv),
                env=dict(process.env),
                working_dir=process.cwd,
                user=f"{who.uid}:{who.gid}",
                tty=process.terminal is not None,
                stdin=True,
            )
        )
        if answer is not None:
            return answer
    return _load(process, find_program(process, argv[0]), argv)


def _load(process: Process, path: str, argv: list[str]) -> Body:
    from .programs import find

    head = _executable(process, path).open(writable=False).read_at(0, 256)
    first_line = head.partition(b"\n")[0]
    if head.startswith(_MAGIC):
        program = find(first_line.removeprefix(_MAGIC).decode(errors="replace"))
        if program is not None:
            return lambda running: program(running, argv)
    if head.startswith(b"#!") and (words := first_line[2:].decode(errors="surrogateescape").split(None, 1)):
        interpreter, *argument = (word.strip() for word in words)
        return _load(process, interpreter, [interpreter, *argument, path, *argv[1:]])
    raise CommandProblem(f"{argv[0]}: Exec format error", 126)
