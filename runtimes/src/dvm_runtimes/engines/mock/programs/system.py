"""Programs about processes, users, the environment and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.launching import CommandProblem, prepare
from dvm_runtimes.engines.mock.users import group_name, user_name

from .usage import fail

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
    """``sleep SECONDS...`` (or with ``m``, ``h``, ``d`` behind), ``sleep infinity``."""
    if len(argv) < 2:
        return fail(process, argv, "missing operand")
    seconds: float | None = 0.0
    for word in argv[1:]:
        if word in ("inf", "infinity"):
            seconds = None
            continue
        unit = _UNITS.get(word[-1:], 0)
        try:
            amount = float(word[:-1] if unit else word) * (unit or 1)
        except ValueError:
            amount = -1.0
        if not amount >= 0:
            return fail(process, argv, f"invalid number '{word}'")
        seconds = None if seconds is None else seconds + amount
    process.sleep(seconds)
    return 0


def pwd(process: Process, argv: list[str]) -> int:
    """``pwd``."""
    process.put(process.cwd + "\n")
    return 0


def env(process: Process, argv: list[str]) -> int:
    """``env [-i] [-u NAME] [NAME=VALUE...] [command]``."""
    words = argv[1:]
    variables = dict(process.env)
    while words:
        if words[0] in ("-i", "-"):
            variables.clear()
            words = words[1:]
        elif words[0] == "-u" and len(words) > 1:
            variables.pop(words[1], None)
            words = words[2:]
        elif words[0] == "--":
            words = words[1:]
            break
        elif words[0].startswith("-"):
            return fail(process, argv, f"unrecognized option '{words[0]}'", 125)
        else:
            break
    while words and "=" in words[0]:
        name, _, value = words[0].partition("=")
        variables[name] = value
        words = words[1:]
    if not words:
        for name, value in variables.items():
            process.put(f"{name}={value}\n")
        return 0
    process.env = variables
    try:
        body = prepare(process, words)
    except CommandProblem as error:
        return fail(process, argv, f"can't execute {error}", error.status)
    process.argv = words
    return body(process)


def printenv(process: Process, argv: list[str]) -> int:
    """``printenv [NAME]...``."""
    if len(argv) == 1:
        for name, value in process.env.items():
            process.put(f"{name}={value}\n")
    for name in argv[1:]:
        if name in process.env:
            process.put(process.env[name] + "\n")
    return 0 if all(name in process.env for name in argv[1:]) else 1


def identity(process: Process, argv: list[str]) -> int:
    """``id [-u | -g | -un | -gn]``."""
    uid, gid = process.who.uid, process.who.gid
    flags = "".join(word[1:] for word in argv[1:])
    if "u" in flags:
        process.put((user_name(process, uid) if "n" in flags else str(uid)) + "\n")
    elif "g" in flags or "G" in flags:
        process.put((group_name(process, gid) if "n" in flags else str(gid)) + "\n")
    else:
        user, group = user_name(process, uid), group_name(process, gid)
        named = f"({user})" if user != str(uid) else ""
        grouped = f"({group})" if group != str(gid) else ""
        process.put(f"uid={uid}{named} gid={gid}{grouped} groups={gid}{grouped}\n")
    return 0


def kill(process: Process, argv: list[str]) -> int:
    """``kill [-SIGNAL | -s SIGNAL] PID...``; a negative PID is a process group."""
    words = argv[1:]
    wanted = "TERM"
    if words[:1] == ["-l"]:
        process.put(" ".join(signals.NUMBERS) + "\n")
        return 0
    if words[:1] == ["-s"] and len(words) > 1:
        wanted, words = words[1], words[2:]
    elif words and words[0].startswith("-") and words[0] != "--":
        wanted, words = words[0][1:], words[1:]
    words = words[1:] if words[:1] == ["--"] else words
    number = signals.number(wanted)
    if number is None:
        return fail(process, argv, f"bad signal name '{wanted}'")
    if not words:
        return fail(process, argv, "you need to specify whom to kill")
    status = 0
    for word in words:
        if not word.removeprefix("-").isdecimal():
            status = fail(process, argv, f"bad pid '{word}'")
            continue
        problem = _send(process, int(word), number)
        if problem:
            status = fail(process, argv, f"({word}): {problem}")
    process.checkpoint()
    return status


def _send(process: Process, target: int, number: int) -> str:
    table = process.table
    with table.lock:
        everybody = list(table.alive.values())
        if target == 0:
            found = [one for one in everybody if one.group == process.group]
        elif target == -1:
            found = [one for one in everybody if one.pid != 1 and one is not process]
        elif target < 0:
            found = [one for one in everybody if one.group == -target]
        else:
            found = [one for one in everybody if one.pid == target]
        if not found:
            return "No such process"
        permitted = [one for one in found if process.who.uid in (0, one.who.uid)]
        if not permitted:
            return "Operation not permitted"
        for one in permitted:
            # Within its container not even SIGKILL reaches the first process.
            if number and not (one.pid == 1 and number == signals.KILL):
                one.signal(number)
    return ""


def tty(process: Process, argv: list[str]) -> int:
    """``tty``."""
    if 0 not in process.files or process.file(0).terminal is None:
        process.put("not a tty\n")
        return 1
    process.put("/dev/pts/0\n")
    return 0


def stty(process: Process, argv: list[str]) -> int:
    """``stty [size | [-]echo | [-]icanon | raw | sane | rows N | cols N]``."""
    terminal = process.file(0).terminal if 0 in process.files else None
    if terminal is None:
        return fail(process, argv, "standard input: Inappropriate ioctl for device")
    words = argv[1:]
    if not words:
        words = ["-a"]
    while words:
        word = words.pop(0)
        if word == "size":
            process.put(f"{terminal.rows} {terminal.columns}\n")
        elif word == "-a":
            echo = "echo" if terminal.echo else "-echo"
            canonical = "icanon" if terminal.canonical else "-icanon"
            process.put(f"rows {terminal.rows}; columns {terminal.columns}; {canonical} {echo}\n")
        elif word in ("echo", "-echo"):
            terminal.echo = word == "echo"
        elif word in ("icanon", "-icanon"):
            terminal.canonical = word == "icanon"
        elif word in ("raw", "sane"):
            terminal.canonical = terminal.echo = word == "sane"
        elif word in ("rows", "cols", "columns") and words and words[0].isdecimal():
            number = int(words.pop(0))
            rows, columns = terminal.rows, terminal.columns
            terminal.resize(number if word == "rows" else rows, columns if word == "rows" else number)
        else:
            return fail(process, argv, f"invalid argument '{word}'")
    return 0
