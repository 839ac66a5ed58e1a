"""``sh``: from its arguments to a script, a file, or a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.processes import InterruptedBySignalError

from .interpreter import LoopControl, Return, Shell
from .lexer import Incomplete, SyntaxProblem
from .parser import parse, parse_text
from .state import ShellProblem, ShellState

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

    from .grammar import Script

_PROFILES = ("/etc/profile", "{HOME}/.profile")


def sh(process: Process, argv: list[str]) -> int:
    """``sh [-ceuxfilas] [script] [arguments]``."""
    state = ShellState(process.env, process.pid)
    state.set("PWD", process.cwd)
    state.set("IFS", " \t\n")
    state.name = argv[0]
    words = argv[1:]
    flags: set[str] = set()
    while words and len(words[0]) > 1 and words[0][0] in "-+":
        word = words.pop(0)
        if word == "--":
            break
        if word == "-o" and words:
            flags.add(words.pop(0))
            continue
        flags.update(word[1:] if not word.startswith("--") else {word[2:]})
    state.options = flags & {"e", "u", "x", "f", "a", "pipefail"}
    login = "l" in flags or "login" in flags or argv[0].startswith("-")
    script = None
    if "c" in flags:
        if not words:
            process.say("sh: -c requires an argument")
            return 2
        script, *words = words
        state.name, *words = words or [state.name]
    shell = Shell(process, state)
    if script is None and words and "s" not in flags:
        state.name, *words = words
        script = ""
        from_file = True
    else:
        from_file = False
    state.arguments = words

    def work() -> int:
        if login:
            _profile(shell)
        if from_file:
            from .builtins import read_text

            return shell.run_text(read_text(shell, state.name), last=True)
        if script is not None:
            return shell.run_text(script, last=True)
        if "i" in flags or (process.file(0).terminal is not None and process.file(2).terminal is not None):
            return _converse(shell)
        return _follow(shell)

    return shell.live(work)


def _profile(shell: Shell) -> None:
    from .builtins import read_text

    for name in _PROFILES:
        path = name.replace("{HOME}", shell.state.get("HOME") or "")
        try:
            text = read_text(shell, path)
        except ShellProblem:
            continue
        shell.run_text(text)


def _line(process: Process) -> str:
    """The next line of standard input, byte by byte: what comes behind it may belong to a command."""
    read = bytearray()
    while byte := process.read(0, 1):
        read += byte
        if byte == b"\n":
            break
    return read.decode(errors="surrogateescape")


def _follow(shell: Shell) -> int:
    """Run standard input as a script, line by line."""
    text = ""
    while True:
        line = _line(shell.process)
        text += line
        try:
            scripts = list(parse(text))
        except Incomplete as error:
            if line:
                continue
            raise ShellProblem(str(error)) from None
        except SyntaxProblem as error:
            raise ShellProblem(str(error)) from None
        text = ""
        for script in scripts:
            shell.execute(script)
        if not line:
            return shell.state.status


def _converse(shell: Shell) -> int:
    """Prompt, read a line, run it; until the end of the input or ``exit``."""
    process, state = shell.process, shell.state
    shell.interactive = True
    # A shell that one talks to is not ended by the keys meant for its commands.
    process.caught |= {signals.INT, signals.QUIT, signals.TERM}
    if process.terminal is not None:
        process.terminal.foreground = process.group
    if state.get("PS1") is None:
        state.set("PS1", "# " if process.who.uid == 0 else "$ ")
    if state.get("PS2") is None:
        state.set("PS2", "> ")
    text = ""
    while True:
        try:
            shell.run_traps()
            _prompt(shell, "PS2" if text else "PS1")
            with process.interruptible():
                line = _line(process)
        except InterruptedBySignalError as interrupted:
            if interrupted.signal == signals.INT:
                text = ""
                process.say("")
                state.status = 128 + interrupted.signal
            shell.run_traps()
            continue
        if not line and not text:
            if process.terminal is not None:
                process.say("")
            return state.status
        text += line
        try:
            scripts = list(parse(text))
        except Incomplete as error:
            if line:
                continue
            shell.complain(str(error))
            scripts = []
        except SyntaxProblem as error:
            shell.complain(str(error))
            scripts = []
            state.status = 2
        text = ""
        for script in scripts:
            _run(shell, script)


def _run(shell: Shell, script: Script) -> None:
    try:
        shell.execute(script)
    except ShellProblem as error:
        shell.complain(str(error))
        shell.state.status = error.status
    except Return as end:
        shell.state.status = end.status
    except LoopControl:
        pass  # ``break`` outside of a loop does nothing
    except InterruptedBySignalError as interrupted:
        shell.process.say("")
        shell.state.status = 128 + interrupted.signal


def _prompt(shell: Shell, name: str) -> None:
    try:
        text = shell.expander.text(parse_text(shell.state.get(name) or ""))
    except (ShellProblem, SyntaxProblem):
        text = shell.state.get(name) or ""
    shell.process.write(2, text.encode(errors="surrogateescape"))
