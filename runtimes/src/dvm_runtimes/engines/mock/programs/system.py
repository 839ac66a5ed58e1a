"""Programs about processes, users, the environment and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.launching import CommandProblem, prepare
from dvm_runtimes.engines.mock.users import group_name, user_name

from . import UsageError, fail, operands

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def true(process: Process, argv: list[str]) -> int:
    """``true``."""
    return 0


def false(process: Process, argv: list[str]) -> int:
    """``false``."""
    return 1


def sleep(process: Process, argv: list[str]) -> int:
    """``sleep SECONDS`` (or with ``m``, ``h``, ``d`` behind), ``sleep infinity``."""
    text = operands(argv[1:])[0]
    unit = _UNITS.get(text[-1:], 0)
    try:
        seconds = float(text[:-1] if unit else text) * (unit or 1)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise UsageError(f"invalid number '{text}'")
    process.sleep(None if seconds == float("inf") else seconds)
    return 0


def pwd(process: Process, argv: list[str]) -> int:
    """``pwd``."""
    process.put(f"{process.cwd}\n")
    return 0


def env(process: Process, argv: list[str]) -> int:
    """``env [-i] [-u NAME] [NAME=VALUE...] [command]``."""
    words = argv[1:]
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-i":
            process.env = {}
        elif option == "-u" and words:
            process.env = {name: value for name, value in process.env.items() if name != words[0]}
            words.pop(0)
        else:
            raise UsageError(f"unrecognized option '{option}'")
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        process.env = {**process.env, name: value}
    if not words:
        return printenv(process, argv[:1])
    try:
        body = prepare(process, words)
    except CommandProblem as error:
        return fail(process, argv, error.advice, error.status)
    process.argv = words
    return body(process)


def printenv(process: Process, argv: list[str]) -> int:
    """``printenv [NAME]...``."""
    if len(argv) == 1:
        process.put("".join(f"{name}={value}\n" for name, value in process.env.items()))
    for name in argv[1:]:
        if name in process.env:
            process.put(f"{process.env[name]}\n")
    return 0 if all(name in process.env for name in argv[1:]) else 1


def identity(process: Process, argv: list[str]) -> int:
    """``id [-u | -g | -un | -gn]``."""
    uid, gid = process.who.uid, process.who.gid
    user, group = user_name(process, uid), group_name(process, gid)
    flags = "".join(word[1:] for word in argv[1:])
    if not flags:
        process.put(f"uid={uid}({user}) gid={gid}({group}) groups={gid}({group})\n")
    elif "u" in flags:
        process.put(f"{user if 'n' in flags else uid}\n")
    else:
        process.put(f"{group if 'n' in flags else gid}\n")
    return 0


def kill(process: Process, argv: list[str]) -> int:
    """``kill [-SIGNAL | -s SIGNAL] PID...``."""
    words = argv[1:]
    name = "TERM"
    if words[:1] == ["-s"] and len(words) > 1:
        name, words = words[1], words[2:]
    elif words and words[0].startswith("-"):
        name, words = words[0][1:], words[1:]
    number = signals.number(name)
    if number is None:
        raise UsageError(f"bad signal name '{name}'")
    status = 0
    for word in operands(words):
        problem = _send(process, int(word), number) if word.isdecimal() else "bad pid"
        if problem:
            status = fail(process, argv, f"({word}): {problem}")
    process.checkpoint()
    return status


def _send(process: Process, pid: int, number: int) -> str:
    with process.table.lock:
        target = process.table.alive.get(pid)
        if target is None:
            return "No such process"
        if process.who.uid not in (0, target.who.uid):
            return "Operation not permitted"
        # Within its container not even SIGKILL reaches the first process.
        if number and not (pid == 1 and number == signals.KILL):
            target.signal(number)
    return ""


def stty(process: Process, argv: list[str]) -> int:
    """``stty [size | echo | -echo | raw | sane]...``."""
    terminal = process.file(0).terminal if 0 in process.files else None
    if terminal is None:
        raise UsageError("standard input: Inappropriate ioctl for device")
    for word in operands(argv[1:]):
        if word == "size":
            process.put(f"{terminal.rows} {terminal.columns}\n")
        elif word in ("echo", "-echo"):
            terminal.echo = word == "echo"
        elif word in ("raw", "sane"):
            terminal.canonical = terminal.echo = word == "sane"
        else:
            raise UsageError(f"invalid argument '{word}'")
    return 0
