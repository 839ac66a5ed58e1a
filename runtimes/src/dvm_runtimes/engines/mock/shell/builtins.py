"""What a shell does itself, because it changes the shell or saves a process."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.handles import open_file
from dvm_runtimes.engines.mock.launching import CommandProblem, find_program
from dvm_runtimes.engines.mock.processes import ExitedError, InterruptedBySignalError
from dvm_runtimes.engines.mock.programs import find

from .syntax import LoopControl, ShellError

if TYPE_CHECKING:
    from .interpreter import Shell

Builtin = Callable[["Shell", list[str]], int]


def _colon(shell: Shell, argv: list[str]) -> int:
    return 0


def _cd(shell: Shell, argv: list[str]) -> int:
    process = shell.process
    target = argv[1] if len(argv) > 1 else shell.variables.get("HOME", "/")
    if target == "-":
        target = shell.variables.get("OLDPWD", process.cwd)
        process.put(f"{target}\n")
    try:
        path = process.tree.folder(target, process.cwd, process.who)
    except OSError as error:
        shell.complain(f"cd: can't cd to {target}: {error.strerror}")
        return 1
    shell.variables.update(OLDPWD=process.cwd, PWD=path)
    process.cwd = path
    return 0


def _exit(shell: Shell, argv: list[str]) -> int:
    raise ExitedError(_number(argv, shell.status) & 0xFF)


def _number(argv: list[str], default: int) -> int:
    if len(argv) < 2:
        return default
    if not argv[1].isdecimal():
        raise ShellError(f"{argv[0]}: Illegal number: {argv[1]}")
    return int(argv[1])


def _break(shell: Shell, argv: list[str]) -> int:
    if shell.loop_depth:
        raise LoopControl(min(_number(argv, 1), shell.loop_depth), again=argv[0] == "continue")
    return 0


def _export(shell: Shell, argv: list[str]) -> int:
    for word in argv[1:]:
        name, assigned, value = word.partition("=")
        if not name.isidentifier():
            raise ShellError(f"export: {name}: bad variable name")
        if assigned:
            shell.variables[name] = value
        shell.exported.add(name)
    return 0


def _unset(shell: Shell, argv: list[str]) -> int:
    for name in argv[1:]:
        shell.variables.pop(name, None)
        shell.exported.discard(name)
    return 0


def _set(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            shell.arguments = words
            return 0
        letters = set(word[1:])
        if not letters <= {"e", "u"}:
            raise ShellError(f"set: illegal option {word}: the mock's shell has -e and -u")
        shell.options = shell.options | letters if word[0] == "-" else shell.options - letters
    shell.arguments = words or shell.arguments
    return 0


def _shift(shell: Shell, argv: list[str]) -> int:
    count = _number(argv, 1)
    if count > len(shell.arguments):
        return 1
    shell.arguments = shell.arguments[count:]
    return 0


def _read(shell: Shell, argv: list[str]) -> int:
    names = [word for word in argv[1:] if word != "-r"] or ["REPLY"]
    try:
        with shell.process.interruptible():
            line = read_line(shell)
    except InterruptedBySignalError as interrupted:
        return 128 + interrupted.signal
    separators = shell.variables.get("IFS", " \t\n")
    text = line.removesuffix("\n")
    pattern = f"[{re.escape(separators)}]"
    if not separators.strip():  # blanks around the line count as none, several in a row as one
        text, pattern = text.strip(separators), f"{pattern}+"
    fields = re.split(pattern, text, maxsplit=len(names) - 1) if separators and len(names) > 1 else [text]
    shell.variables.update(zip(names, fields + [""] * (len(names) - len(fields)), strict=True))
    return 0 if line.endswith("\n") else 1


def read_line(shell: Shell) -> str:
    """The next line of standard input, byte by byte: what comes behind it may belong to another command."""
    read = bytearray()
    while byte := shell.process.read(0, 1):
        read += byte
        if byte == b"\n":
            break
    return read.decode(errors="surrogateescape")


def _trap(shell: Shell, argv: list[str]) -> int:
    process, traps = shell.process, shell.traps
    words = [word for word in argv[1:] if word != "--"]
    # "trap INT" and "trap - INT" both go back to the default.
    action = words.pop(0) if len(words) > 1 else "-"
    for word in words:
        number = 0 if word in ("0", "EXIT") else signals.number(word)
        if number is None:
            shell.complain(f"trap: {word}: bad trap")
            return 1
        name = signals.name(number) if number else "EXIT"
        process.caught.discard(number)
        process.ignored.discard(number)
        traps.pop(name, None)
        if action != "-":
            traps[name] = action
            (process.caught if action else process.ignored).add(number)
        elif shell.interactive and number == signals.INT:
            process.caught.add(number)
    return 0


def _wait(shell: Shell, argv: list[str]) -> int:
    pids = [int(word) for word in argv[1:] if word.isdecimal()] or list(shell.jobs)
    status = 0
    try:
        with shell.process.interruptible():
            for pid in pids:
                child = shell.jobs.get(pid)
                status = 127 if child is None else shell.process.wait_for(child)
                shell.jobs.pop(pid, None)
    except InterruptedBySignalError as interrupted:
        return 128 + interrupted.signal
    return status if len(argv) > 1 else 0


def _command(shell: Shell, argv: list[str]) -> int:
    if argv[1:2] != ["-v"]:
        builtin = BUILTINS.get(argv[1]) if len(argv) > 1 else _colon
        return builtin(shell, argv[1:]) if builtin is not None else shell.run_program(argv[1:])
    name = argv[2] if len(argv) > 2 else ""
    if name not in BUILTINS:
        try:
            shell.process.env = shell.environment()
            name = find_program(shell.process, name)
        except CommandProblem:
            return 127
    shell.process.put(f"{name}\n")
    return 0


def _eval(shell: Shell, argv: list[str]) -> int:
    return shell.run_text(" ".join(argv[1:]))


def _dot(shell: Shell, argv: list[str]) -> int:
    return shell.run_text(read_script(shell, argv[1] if len(argv) > 1 else ""))


def read_script(shell: Shell, path: str) -> str:
    """The text of a script.

    Raises:
        ShellError: it cannot be read.
    """
    try:
        file = open_file(shell.process, path, "r")
    except OSError as error:
        raise ShellError(f"can't open '{path}': {error.strerror}") from None
    try:
        return b"".join(iter(lambda: file.read(shell.process, 65536), b"")).decode(errors="surrogateescape")
    finally:
        file.release()


def _program(name: str) -> Builtin:
    program = find(name)
    assert program is not None
    found = program
    return lambda shell, argv: found(shell.process, argv)


BUILTINS: Mapping[str, Builtin] = {
    ":": _colon,
    ".": _dot,
    "break": _break,
    "cd": _cd,
    "command": _command,
    "continue": _break,
    "eval": _eval,
    "exit": _exit,
    "export": _export,
    "read": _read,
    "set": _set,
    "shift": _shift,
    "trap": _trap,
    "unset": _unset,
    "wait": _wait,
    # A shell has these itself, so that its own processes and variables are theirs.
    **{name: _program(name) for name in ("[", "echo", "false", "kill", "printf", "pwd", "test", "true")},
}
