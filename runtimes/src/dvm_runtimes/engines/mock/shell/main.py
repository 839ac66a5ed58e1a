"""``sh``: from its argv to a script, a file, or a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.processes import InterruptedBySignalError

from .builtins import read_line, read_script
from .interpreter import Shell
from .parser import parse
from .syntax import IncompleteError, LoopControl, Script, ShellError

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process


def sh(process: Process, argv: list[str]) -> int:
    """``sh [-ceuils] [script] [arguments]``."""
    shell = Shell(process)
    shell.variables["PWD"] = process.cwd
    words = argv[1:]
    flags = "l" if argv[0].startswith("-") else ""
    while words and len(words[0]) > 1 and words[0].startswith("-"):
        word = words.pop(0)
        if word == "--":
            break
        flags += word[1:]
    shell.options = set(flags) & {"e", "u"}
    work: Callable[[], int]
    if "c" in flags:
        if not words:
            process.say("sh: -c requires an argument")
            return 2
        script = words.pop(0)
        shell.name = words.pop(0) if words else shell.name
        work = lambda: shell.run_text(script)  # noqa: E731
    elif words and "s" not in flags:
        shell.name = words.pop(0)
        work = lambda: shell.run_text(read_script(shell, shell.name))  # noqa: E731
    else:
        shell.interactive = "i" in flags or all(process.file(number).terminal is not None for number in (0, 2))
        work = lambda: _follow(shell)  # noqa: E731
    shell.arguments = words
    if "l" not in flags:
        return shell.live(work)
    return shell.live(lambda: _profile(shell) or work())


def _profile(shell: Shell) -> int:
    for path in ("/etc/profile", f"{shell.variables.get('HOME', '')}/.profile"):
        try:
            text = read_script(shell, path)
        except ShellError:
            continue  # most images have none
        shell.run_text(text)
    return 0


def _follow(shell: Shell) -> int:
    """Run standard input line by line, with a prompt where the shell is interactive, until its end or ``exit``."""
    process = shell.process
    if shell.interactive:
        # Such a shell is not ended by the keys meant for its commands.
        process.caught |= {signals.INT, signals.QUIT, signals.TERM}
        if process.terminal is not None:
            process.terminal.foreground = process.group
    prompt = b"# " if process.who.uid == 0 else b"$ "
    text = ""
    while True:
        try:
            shell.run_traps()
            if shell.interactive:
                process.write(2, b"> " if text else prompt)
            with process.interruptible():
                line = read_line(shell)
        except InterruptedBySignalError as interrupted:
            if interrupted.signal == signals.INT:
                text = ""
                process.say("")
                shell.status = 128 + interrupted.signal
            continue
        text += line
        if not line and (shell.interactive or not text):
            if shell.interactive and process.terminal is not None:
                process.say("")
            return shell.status
        try:
            script = parse(text)
        except IncompleteError:
            if line:
                continue
            raise
        except ShellError as error:
            if not shell.interactive:
                raise
            shell.complain(str(error))
            shell.status, text = error.status, ""
            continue
        text = ""
        if shell.interactive:
            _run(shell, script)
        else:
            shell.execute(script)


def _run(shell: Shell, script: Script) -> None:
    """Run a line of a conversation, which goes on whatever happens to it."""
    try:
        shell.execute(script)
    except ShellError as error:
        shell.complain(str(error))
        shell.status = error.status
    except LoopControl:
        pass  # ``break`` outside of a loop does nothing
    except InterruptedBySignalError as interrupted:
        shell.process.say("")
        shell.status = 128 + interrupted.signal
