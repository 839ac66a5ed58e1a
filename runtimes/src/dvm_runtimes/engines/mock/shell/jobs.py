"""Processes that a shell starts: pipelines, what runs in the background, and who is in front at its terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.handles import NullHandle, OpenFile
from dvm_runtimes.engines.mock.pipes import Pipe
from dvm_runtimes.engines.mock.processes import Process

if TYPE_CHECKING:
    from .grammar import Node, Script
    from .interpreter import Shell


def fork(shell: Shell, argv: list[str], files: dict[int, OpenFile] | None) -> Process | None:
    """A child that does not run yet; None, and a word about it, if there are too many processes."""
    try:
        child = shell.process.fork(argv, files)
    except OSError as error:
        shell.complain(f"can't fork: {error.strerror}")
        return None
    child.env = shell.state.environment()
    return child


def start(shell: Shell, child: Process, body: Callable[[Process], int], group: int = 0) -> None:
    """Let a child run; in a process group of its own, or in that one, where somebody talks to the shell."""
    if shell.interactive:
        child.group = group or child.pid
    child.start(body)


def interrupted(shell: Shell) -> bool:
    """Whether Ctrl-C came to a shell that one talks to, between two of its commands: the line is given up."""
    came = shell.interactive and signals.INT in shell.process.trapped
    return came and not shell.state.traps.get("INT")


def foreground(shell: Shell, child: Process | None) -> int:
    """Wait for a child that has the terminal meanwhile; its status."""
    if child is None:
        return 2
    process = shell.process
    terminal = process.terminal if shell.interactive else None
    if terminal is None:
        return process.wait_for(child)
    terminal.foreground = child.group
    process.checkpoint()
    if interrupted(shell):
        child.signal(signals.INT)  # it was typed when the child was there, but not yet in front
    try:
        status = process.wait_for(child)
    finally:
        terminal.foreground = process.group
    if status == 128 + signals.INT:
        process.say("")
    return status


def pipeline(shell: Shell, commands: Sequence[Node]) -> list[int]:
    """Run commands, each one's output the next one's input; the status of each."""
    children: list[Process | None] = []
    source: OpenFile | None = None
    for index, command in enumerate(commands):
        files = shell.process.copy_files()
        if source is not None:
            _put(files, 0, source)
        if index < len(commands) - 1:
            pipe = Pipe(shell.process.table.lock)
            _put(files, 1, pipe.writer())
            source = pipe.reader()
        first = children[0] if children else None
        children.append(shell.spawn(_stage(command), files, group=first.pid if first else 0))
    return [foreground(shell, child) for child in children]


def background(shell: Shell, command: Node) -> int:
    """Start a command and do not wait for it."""
    files = shell.process.copy_files()
    if not shell.interactive:
        _put(files, 0, NullHandle())
    # Ctrl-C is not meant for what runs in the background.
    ignoring = frozenset() if shell.interactive else frozenset({signals.INT, signals.QUIT})
    child = shell.spawn(_stage(command), files, ignoring=ignoring)
    if child is None:
        return 2
    shell.state.jobs[child.pid] = child
    shell.state.last_job = child.pid
    return 0


def capture(shell: Shell, script: Script) -> tuple[bytes, int]:
    """What a script writes, and its status."""
    pipe = Pipe(shell.process.table.lock)
    files = shell.process.copy_files()
    _put(files, 1, pipe.writer())
    reader = pipe.reader()
    child = shell.spawn(lambda inner: inner.execute(script, last=True), files)
    pieces = []
    try:
        while piece := reader.read(shell.process, 65536):
            pieces.append(piece)
    finally:
        reader.release()
    return b"".join(pieces), 2 if child is None else shell.process.wait_for(child)


def _stage(command: Node) -> Callable[[Shell], int]:
    return lambda shell: shell.execute(command, last=True)


def _put(files: dict[int, OpenFile], number: int, file: OpenFile) -> None:
    old = files.pop(number, None)
    if old is not None:
        old.release()
    files[number] = file
