"""What a shell does itself, because it changes the shell or saves a process."""

from __future__ import annotations

import errno
from collections.abc import Callable

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.launching import CommandProblem, find_program
from dvm_runtimes.engines.mock.nodes import FolderNode
from dvm_runtimes.engines.mock.processes import ExitedError, InterruptedBySignalError
from dvm_runtimes.engines.mock.programs import find
from dvm_runtimes.engines.mock.tree import SEARCH, permits, problem

from .interpreter import LoopControl, Return, Shell
from .state import ShellProblem, is_name

Builtin = Callable[[Shell, list[str]], int]


def _colon(shell: Shell, argv: list[str]) -> int:
    return 0


def _cd(shell: Shell, argv: list[str]) -> int:
    process, state = shell.process, shell.state
    words = [word for word in argv[1:] if word not in ("-L", "-P", "--")]
    target = words[0] if words else state.get("HOME") or "/"
    if target == "-":
        target = state.get("OLDPWD") or process.cwd
        process.put(target + "\n")
    try:
        place = process.tree.find(target, process.cwd, process.who)
        node = place.found(target)
        if not isinstance(node, FolderNode):
            raise problem(errno.ENOTDIR, target)
        if not permits(node, process.who, SEARCH):
            raise problem(errno.EACCES, target)
    except OSError as error:
        shell.complain(f"cd: can't cd to {target}: {error.strerror}")
        return 1
    state.set("OLDPWD", process.cwd)
    process.cwd = place.path
    state.set("PWD", place.path)
    return 0


def _exit(shell: Shell, argv: list[str]) -> int:
    raise ExitedError(_status(shell, argv))


def _return(shell: Shell, argv: list[str]) -> int:
    raise Return(_status(shell, argv))


def _status(shell: Shell, argv: list[str]) -> int:
    if len(argv) < 2:
        return shell.state.status
    if not argv[1].isdecimal():
        raise ShellProblem(f"{argv[0]}: Illegal number: {argv[1]}")
    return int(argv[1]) & 0xFF


def _break(shell: Shell, argv: list[str]) -> int:
    levels = int(argv[1]) if len(argv) > 1 and argv[1].isdecimal() else 1
    if shell.state.loop_depth:
        raise LoopControl(min(levels, shell.state.loop_depth), again=argv[0] == "continue")
    return 0


def _export(shell: Shell, argv: list[str]) -> int:
    for word in argv[1:]:
        name, assigned, value = word.partition("=")
        if name in ("-p", "--"):
            continue
        if not is_name(name):
            raise ShellProblem(f"{argv[0]}: {name}: bad variable name")
        if assigned:
            shell.state.set(name, value)
        if argv[0] == "export":
            shell.state.exported.add(name)
        elif argv[0] == "readonly":
            shell.state.read_only.add(name)
    if len(argv) == 1 or argv[1:] == ["-p"]:
        for name, value in sorted(shell.state.environment().items()):
            shell.process.put(f"export {name}={_quoted(value)}\n")
    return 0


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _unset(shell: Shell, argv: list[str]) -> int:
    for name in argv[1:]:
        if name == "-f":
            continue
        if argv[1] == "-f":
            shell.state.functions.pop(name, None)
        elif name != "-v":
            shell.state.unset(name)
    return 0


_OPTIONS = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "allexport": "a", "pipefail": "pipefail"}


def _set(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    if not words:
        for name, value in sorted(shell.state.variables.items()):
            shell.process.put(f"{name}={_quoted(value)}\n")
    while words:
        word = words[0]
        if word == "--":
            shell.state.arguments = words[1:]
            return 0
        if len(word) < 2 or word[0] not in "-+":
            shell.state.arguments = words
            return 0
        words = words[1:]
        if word[1:] == "o":
            option = _OPTIONS.get(words.pop(0), "") if words else ""
            if not option:
                raise ShellProblem("set: illegal option")
            options = [option]
        else:
            options = list(word[1:])
        if any(option not in _OPTIONS.values() for option in options):
            raise ShellProblem(f"set: illegal option {word}")
        if word[0] == "-":
            shell.state.options.update(options)
        else:
            shell.state.options.difference_update(options)
    return 0


def _shift(shell: Shell, argv: list[str]) -> int:
    count = int(argv[1]) if len(argv) > 1 and argv[1].isdecimal() else 1
    if count > len(shell.state.arguments):
        return 1
    shell.state.arguments = shell.state.arguments[count:]
    return 0


def _read(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    raw = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        raw = raw or "r" in option
        if option == "-p" and words:
            shell.process.write(2, words.pop(0).encode(errors="surrogateescape"))
    names = words or ["REPLY"]
    try:
        with shell.process.interruptible():
            line, ended = _line(shell, raw=raw)
    except InterruptedBySignalError as interrupted:
        return 128 + interrupted.signal
    for name, value in zip(names, _split(shell, line, len(names)), strict=True):
        shell.state.set(name, value)
    return 1 if ended else 0


def _line(shell: Shell, *, raw: bool) -> tuple[list[tuple[str, bool]], bool]:
    """The next line as characters and whether each was quoted; and whether the input ended before its newline."""
    read = bytearray()
    marks: list[bool] = []
    while True:
        byte = shell.process.read(0, 1)
        if not byte or byte == b"\n":
            break
        quoted = False
        if byte == b"\\" and not raw:
            byte = shell.process.read(0, 1)
            if byte == b"\n":
                continue
            quoted = True
        read += byte
        marks.append(quoted)
    characters: list[tuple[str, bool]] = []
    at = 0
    for character in read.decode(errors="surrogateescape"):
        characters.append((character, marks[at]))
        at += len(character.encode(errors="surrogateescape"))
    return characters, not byte


def _split(shell: Shell, line: list[tuple[str, bool]], fields: int) -> list[str]:
    ifs = shell.state.get("IFS")
    separators = set(" \t\n" if ifs is None else ifs)
    blanks = separators & set(" \t\n")

    def separates(at: int) -> bool:
        return at < len(line) and line[at][0] in separators and not line[at][1]

    def skip_blanks(at: int) -> int:
        while separates(at) and line[at][0] in blanks:
            at += 1
        return at

    found: list[str] = []
    at = skip_blanks(0)
    while len(found) < fields - 1 and at < len(line):
        start = at
        while at < len(line) and not separates(at):
            at += 1
        found.append("".join(character for character, _ in line[start:at]))
        at = skip_blanks(at)
        if separates(at):
            at = skip_blanks(at + 1)
    end = len(line)
    while end > at and separates(end - 1) and line[end - 1][0] in blanks:
        end -= 1
    found.append("".join(character for character, _ in line[at:end]))
    return found + [""] * (fields - len(found))


def _trap(shell: Shell, argv: list[str]) -> int:
    process, traps = shell.process, shell.state.traps
    words = [word for word in argv[1:] if word != "--"]
    if not words:
        for name, action in traps.items():
            process.put(f"trap -- {_quoted(action)} {name}\n")
        return 0
    # "trap INT" and "trap - INT" both go back to the default.
    reset = len(words) == 1 or words[0] == "-"
    action = "" if reset else words[0]
    for word in words if len(words) == 1 else words[1:]:
        number = 0 if word in ("0", "EXIT") else signals.number(word)
        if number is None:
            shell.complain(f"trap: {word}: invalid signal specification")
            return 1
        name = "EXIT" if number == 0 else signals.name(number)
        process.caught.discard(number)
        process.ignored.discard(number)
        traps.pop(name, None)
        if not reset:
            traps[name] = action
            if number and number != signals.KILL:
                (process.caught if action else process.ignored).add(number)
        elif shell.interactive and number == signals.INT:
            process.caught.add(number)
    return 0


def _wait(shell: Shell, argv: list[str]) -> int:
    state, process = shell.state, shell.process
    wanted = [int(word) for word in argv[1:] if word.isdecimal()] or list(state.jobs)
    status = 0
    try:
        with process.interruptible():
            for pid in wanted:
                child = state.jobs.get(pid)
                status = 127 if child is None else process.wait_for(child)
                state.jobs.pop(pid, None)
    except InterruptedBySignalError as interrupted:
        return 128 + interrupted.signal
    return status if len(argv) > 1 else 0


def _command(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    if words[:1] in (["-v"], ["-V"]):
        return _describe(shell, words[1:])
    words = [word for word in words if word not in ("-p", "--")] if words[:1] in (["-p"], ["--"]) else words
    if not words:
        return 0
    builtin = BUILTINS.get(words[0])
    if builtin is not None:
        return builtin(shell, words)
    return shell.run_program(words)


def _describe(shell: Shell, names: list[str]) -> int:
    for name in names[:1]:
        if name in BUILTINS or name in shell.state.functions:
            shell.process.put(name + "\n")
            return 0
        try:
            path = find_program(shell.process, name, shell.state.get("PATH"))
        except CommandProblem:
            return 127
        shell.process.put(path + "\n")
        return 0
    return 127


def _eval(shell: Shell, argv: list[str]) -> int:
    return shell.run_text(" ".join(argv[1:]))


def _dot(shell: Shell, argv: list[str]) -> int:
    if len(argv) < 2:
        raise ShellProblem(".: filename argument required")
    text = read_text(shell, argv[1])
    try:
        return shell.run_text(text)
    except Return as end:
        return end.status


def read_text(shell: Shell, path: str) -> str:
    """A script's text.

    Raises:
        ShellProblem: it cannot be read.
    """
    process = shell.process
    try:
        _, content = process.tree.open(path, process.cwd, process.who, write=False)
    except OSError as error:
        raise ShellProblem(f"can't open '{path}': {error.strerror}", 2) from None
    if content is None:
        return ""
    try:
        return content.read_at(0, content.size()).decode(errors="surrogateescape")
    finally:
        content.close()


def _umask(shell: Shell, argv: list[str]) -> int:
    if len(argv) == 1:
        shell.process.put(f"{shell.process.umask:04o}\n")
        return 0
    try:
        shell.process.umask = int(argv[1], 8) & 0o777
    except ValueError:
        shell.complain(f"umask: illegal mode: {argv[1]}")
        return 1
    return 0


def _exec(shell: Shell, argv: list[str]) -> int:
    raise ShellProblem("exec: not here")  # `Shell` does it itself: its redirections stay


def _program(name: str) -> Builtin:
    program = find(name)
    assert program is not None
    found = program

    def run(shell: Shell, argv: list[str]) -> int:
        try:
            return found(shell.process, argv)
        except OSError as error:
            # Its standard output is closed, or its device is full.
            shell.complain(f"{argv[0]}: write error: {error.strerror}")
            return 1

    return run


SPECIAL = frozenset(
    {":", "break", "continue", "return", "exit", "export", "readonly", "unset", "set", "shift", "trap"}
) | {
    "eval",
    "exec",
    ".",
}
"""Those before which assignments stay."""

BUILTINS: dict[str, Builtin] = {
    ":": _colon,
    ".": _dot,
    "break": _break,
    "cd": _cd,
    "command": _command,
    "continue": _break,
    "eval": _eval,
    "exec": _exec,
    "exit": _exit,
    "export": _export,
    "read": _read,
    "readonly": _export,
    "return": _return,
    "set": _set,
    "shift": _shift,
    "trap": _trap,
    "umask": _umask,
    "unset": _unset,
    "wait": _wait,
} | {name: _program(name) for name in ("[", "echo", "false", "kill", "printf", "pwd", "test", "true")}
