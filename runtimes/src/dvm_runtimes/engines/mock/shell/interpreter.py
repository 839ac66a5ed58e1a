"""Runs scripts: a shell is a process whose program this is."""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.handles import OpenFile, null_file
from dvm_runtimes.engines.mock.launching import CommandProblem, prepare
from dvm_runtimes.engines.mock.pipes import Pipe
from dvm_runtimes.engines.mock.processes import Body, ExitedError, InterruptedBySignalError, Process

from . import expansion, syntax
from .parser import parse
from .redirects import Files, put, redirected, release
from .syntax import LoopControl, Node, Script, ShellError, Simple

Child = Process | None


class Shell:
    """A shell.

    Args:
        process: the process it is.

    Attributes:
        variables, exported: the variables by name, and the names of those that programs get.
        arguments: ``$1`` and the following.
        options: ``e`` and ``u``, as of ``set``.
        traps: the name of a signal, or ``EXIT``, to a script; an empty one ignores the signal.
        jobs: background processes that nobody has waited for, by PID.
        interactive: it has a prompt; jobs get process groups of their own.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.pid = process.pid
        self.name = process.argv[0]
        self.variables = dict(process.env)
        self.exported = set(process.env)
        self.arguments: list[str] = []
        self.options: set[str] = set()
        self.traps: dict[str, str] = {}
        self.jobs: dict[int, Process] = {}
        self.status = self.last_job = self.loop_depth = 0
        self.interactive = False
        self._untested = 0
        self._substituted = 0
        self._gives_way = False
        """Its one command is a simple one, whose program takes the place of this process."""

    def subshell(self) -> Shell:
        """A shell with what this one is now, but for its jobs and its traps."""
        shell = copy.copy(self)
        shell.variables, shell.exported = dict(self.variables), set(self.exported)
        shell.arguments, shell.options = list(self.arguments), set(self.options)
        shell.traps = {name: "" for name, action in self.traps.items() if not action}
        shell.jobs = {}
        shell.interactive = False
        return shell

    # Parameters

    def value(self, name: str) -> str | None:
        """The value of a variable, an argument or a special parameter; None if it is not set."""
        special = {"?": self.status, "$": self.pid, "#": len(self.arguments), "0": self.name}
        if name in special:
            return str(special[name])
        if name == "!":
            return str(self.last_job) if self.last_job else None
        if name.isdecimal():
            return self.arguments[int(name) - 1] if int(name) <= len(self.arguments) else None
        return self.variables.get(name)

    def environment(self) -> dict[str, str]:
        """What programs get."""
        return {name: value for name, value in self.variables.items() if name in self.exported}

    # Whole scripts

    def live(self, work: Callable[[], int]) -> int:
        """Run ``work`` as all that this shell does, and its EXIT trap after it; the exit code."""
        try:
            self.status = self._guarded(work)
        finally:
            action = self.traps.pop("EXIT", "")
        status = self.status
        return self._guarded(lambda: self._trap(action, status)) if action else status

    def _guarded(self, work: Callable[[], int]) -> int:
        try:
            return work()
        except ExitedError as end:
            return end.code
        except LoopControl:
            return self.status
        except ShellError as error:
            self.complain(str(error))
            return error.status

    def run_text(self, text: str) -> int:
        """Run a script.

        Raises:
            ShellError: it cannot be parsed.
        """
        return self.execute(parse(text))

    def complain(self, message: str) -> None:
        """Write one line to standard error."""
        self.process.say(f"{self.name.rpartition('/')[2]}: {message}")

    # Commands

    def execute(self, node: Node) -> int:
        """Run one command; its status, which is ``$?`` from now on."""
        self.process.checkpoint()
        if self._interrupted():
            raise InterruptedBySignalError(signals.INT)
        self.run_traps()
        self.status = self._execute(node)
        self.run_traps()
        return self.status

    def _execute(self, node: Node) -> int:
        match node:
            case Script():
                status = 0
                for command in node.commands:
                    status = self.execute(command)
                return status
            case Simple():
                return self._exit_on_error(self._simple(node))
            case syntax.Group(subshell=True):
                status = self._with_files(node.redirects, lambda: self._foreground(self._spawn(node.body)))
                return self._exit_on_error(status)
            case syntax.Group():
                return self._with_files(node.redirects, lambda: self.execute(node.body))
            case syntax.Pipeline():
                status = self._pipeline(node.commands) if len(node.commands) > 1 else self._test(node.commands[0])
                return int(status == 0) if node.negated else self._exit_on_error(status)
            case syntax.AndOr():
                status = self._test(node.left)
                return self.execute(node.right) if (status == 0) == (node.operator == "&&") else status
            case syntax.Background():
                return self._background(node.command)
            case syntax.If():
                for condition, body in node.branches:
                    if self._test(condition) == 0:
                        return self.execute(body)
                return self.execute(node.otherwise)
            case syntax.Loop():
                return self._loop(node.body, lambda: (self._test(node.condition) == 0) != node.until)
            case syntax.For():
                return self._for(node)
            case syntax.Case():
                word = expansion.text(self, node.word)
                for patterns, body in node.branches:
                    if any(fnmatch.fnmatchcase(word, expansion.pattern(self, one)) for one in patterns):
                        return self.execute(body)
                return 0

    def _exit_on_error(self, status: int) -> int:
        if status and "e" in self.options and not self._untested:
            raise ExitedError(status)
        return status

    def _test(self, node: Node) -> int:
        """Run a condition, in which ``set -e`` does not count."""
        self._untested += 1
        try:
            return self.execute(node)
        finally:
            self._untested -= 1

    def _for(self, node: syntax.For) -> int:
        words = iter(list(self.arguments) if node.words is None else expansion.arguments(self, node.words))

        def another() -> bool:
            value = next(words, None)
            if value is not None:
                self.variables[node.name] = value
            return value is not None

        return self._loop(node.body, another)

    def _loop(self, body: Script, another: Callable[[], bool]) -> int:
        status = 0
        self.loop_depth += 1
        try:
            while True:
                try:
                    if not another():
                        return status
                    status = self.execute(body)
                except LoopControl as control:
                    if control.levels > 1:
                        raise LoopControl(control.levels - 1, again=control.again) from None
                    if not control.again:
                        return 0
        finally:
            self.loop_depth -= 1

    def _simple(self, node: Simple) -> int:
        from .builtins import BUILTINS

        self._substituted = 0
        words = expansion.arguments(self, node.words)
        assigned = {name: expansion.text(self, value) for name, value in node.assignments}
        if not words:
            self.variables.update(assigned)
            status = self._substituted
            return self._with_files(node.redirects, lambda: status)
        if words[0] == "exec":
            return self._exec(words[1:], node.redirects)
        builtin = BUILTINS.get(words[0])
        if builtin is None:
            return self._with_files(node.redirects, lambda: self.run_program(words, assigned))
        before = {name: self.variables.get(name) for name in assigned}
        self.variables.update(assigned)
        try:
            return self._with_files(node.redirects, lambda: builtin(self, words))
        finally:
            for name, value in before.items():
                self.variables.pop(name, None)
                self.variables.update({name: value} if value is not None else {})

    def run_program(self, words: list[str], assigned: Mapping[str, str] = MappingProxyType({})) -> int:
        """Run a program in a process of its own; 127 or 126 if it cannot be started."""
        self.process.env = {**self.environment(), **assigned}
        try:
            body = prepare(self.process, words)
        except CommandProblem as error:
            self.complain(error.advice)
            return error.status
        if self._gives_way:
            self.process.argv = words
            return body(self.process)
        return self._foreground(self._start(words, body))

    def _exec(self, words: list[str], redirects: Sequence[syntax.Redirect]) -> int:
        """Change this shell's own files, or let a program take its place."""
        files, self.process.files = self.process.files, redirected(self, redirects)
        release(files)
        if not words:
            return 0
        self.process.env = self.environment()
        try:
            body = prepare(self.process, words)
        except CommandProblem as error:
            raise ShellError(f"exec: {error.advice}", error.status) from None
        self.process.argv = words
        self.process.caught.clear()
        self.process.trapped.clear()
        self.traps.clear()
        raise ExitedError(body(self.process))

    # Files

    def _with_files(self, redirects: Sequence[syntax.Redirect], work: Callable[[], int]) -> int:
        """Do ``work`` in this process with redirections, which are undone after it."""
        if not redirects:
            return work()
        try:
            files = redirected(self, redirects)
        except ShellError as error:
            self.complain(str(error))
            return error.status
        before, self.process.files = self.process.files, files
        try:
            return work()
        finally:
            release(self.process.files)
            self.process.files = before

    # Other processes

    def _start(
        self, argv: list[str], body: Body, files: Files | None = None, group: int = 0, ignored: Iterable[int] = ()
    ) -> Child:
        """Start a child; None, and a message, if there are too many processes.

        Args:
            argv: its argv.
            body: what it runs.
            files: its open files; default copies of this one's.
            group: the process group that it joins where the shell is interactive; 0 begins one.
            ignored: signals that do nothing to it.
        """
        try:
            child = self.process.fork(argv, files)
        except OSError as error:
            self.complain(f"can't fork: {error.strerror}")
            return None
        child.ignored |= set(ignored)
        if self.interactive:
            child.group = group or child.pid
        child.start(body)
        return child

    def _spawn(self, node: Node, files: Files | None = None, group: int = 0, ignored: Iterable[int] = ()) -> Child:
        """Start a subshell that runs ``node`` with what this shell is now."""
        shell = self.subshell()
        while isinstance(node, Script) and len(node.commands) == 1:
            node = node.commands[0]
        shell._gives_way = isinstance(node, Simple)

        def body(process: Process) -> int:
            shell.process = process
            return shell.live(lambda: shell.execute(node))

        return self._start(["sh"], body, files, group, ignored)

    def _foreground(self, child: Child) -> int:
        """Wait for a child that has the terminal meanwhile; its status."""
        if child is None:
            return 2
        process = self.process
        terminal = process.terminal if self.interactive else None
        if terminal is None:
            return process.wait_for(child)
        terminal.foreground = child.group
        process.checkpoint()
        if self._interrupted():
            child.signal(signals.INT)  # it was typed when the child was there, but not yet in front
        try:
            status = process.wait_for(child)
        finally:
            terminal.foreground = process.group
        if status == 128 + signals.INT:
            process.say("")
        return status

    def _pipeline(self, commands: Sequence[Node]) -> int:
        """Run commands, the output of each the input of the next; the status of the last."""
        children: list[Child] = []
        source: OpenFile | None = None
        for index, command in enumerate(commands):
            files = self.process.copy_files()
            if source is not None:
                put(files, 0, source)
            if index < len(commands) - 1:
                pipe = Pipe(self.process.table.lock)
                put(files, 1, pipe.writer())
                source = pipe.reader()
            first = children[0] if children else None
            children.append(self._spawn(command, files, group=first.pid if first else 0))
        return [self._foreground(child) for child in children][-1]

    def _background(self, node: Node) -> int:
        files = self.process.copy_files()
        if not self.interactive:
            put(files, 0, null_file())
        # Ctrl-C is not meant for what runs in the background.
        ignored = () if self.interactive else (signals.INT, signals.QUIT)
        child = self._spawn(node, files, ignored=ignored)
        if child is None:
            return 2
        self.jobs[child.pid] = child
        self.last_job = child.pid
        return 0

    def substitute(self, script: Script) -> str:
        """What a script writes, without the newlines at its end."""
        pipe = Pipe(self.process.table.lock)
        files = self.process.copy_files()
        put(files, 1, pipe.writer())
        reader = pipe.reader()
        child = self._spawn(script, files)
        pieces = []
        try:
            while piece := reader.read(self.process, 65536):
                pieces.append(piece)
        finally:
            reader.release()
        self._substituted = self.status = 2 if child is None else self.process.wait_for(child)
        return b"".join(pieces).replace(b"\0", b"").decode(errors="surrogateescape").rstrip("\n")

    # Signals

    def _interrupted(self) -> bool:
        """Whether Ctrl-C came to an interactive shell between two of its commands: the line is given up."""
        came = self.interactive and signals.INT in self.process.trapped
        return came and not self.traps.get("INT")

    def run_traps(self) -> None:
        """Run the traps of the signals that came."""
        while self.process.trapped:
            action = self.traps.get(signals.name(self.process.trapped.popleft()))
            if action:
                self._trap(action, self.status)

    def _trap(self, action: str, status: int) -> int:
        self.run_text(action)
        self.status = status
        return status
