"""Runs scripts: a shell is a process whose program this is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock import signals
from dvm_runtimes.engines.mock.handles import OpenFile
from dvm_runtimes.engines.mock.launching import CommandProblem, find_program, load
from dvm_runtimes.engines.mock.processes import ExitedError, InterruptedBySignalError, Process

from . import jobs, patterns
from .expansion import Expander
from .grammar import (
    AndOr,
    Background,
    Case,
    Command,
    For,
    Function,
    If,
    Loop,
    Node,
    Pipeline,
    Redirected,
    Script,
    Subshell,
)
from .lexer import SyntaxProblem
from .parser import parse
from .redirects import redirected, release
from .state import ShellProblem, ShellState

if TYPE_CHECKING:
    from .grammar import HereRedirect, Redirect


class LoopControl(Exception):
    """``break`` or ``continue``."""

    def __init__(self, levels: int, *, again: bool) -> None:
        super().__init__(levels)
        self.levels = levels
        self.again = again


class Return(Exception):
    """``return``."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Shell:
    """A shell.

    Args:
        process: the process it is.
        state: what it remembers.
        interactive: it has a prompt; jobs get process groups of their own.
    """

    def __init__(self, process: Process, state: ShellState, *, interactive: bool = False) -> None:
        self.process = process
        self.state = state
        self.interactive = interactive
        self.expander = Expander(state, process, self._substitute)
        self._substituted = 0

    # Whole scripts

    def live(self, work: Callable[[], int]) -> int:
        """Run ``work`` as all that this shell does, and its EXIT trap after it."""
        try:
            status = self._guarded(work)
        finally:
            # In a subshell, too: what was set there goes with it.
            action = self.state.traps.pop("EXIT", None)
        if action:
            self.state.status = status
            status = self._guarded(lambda: self._trap(action, status))
        return status

    def _guarded(self, work: Callable[[], int]) -> int:
        try:
            return work()
        except ExitedError as end:
            return end.code
        except Return as end:
            return end.status
        except LoopControl:
            return self.state.status
        except ShellProblem as error:
            self.complain(str(error))
            return error.status

    def run_text(self, text: str, *, last: bool = False) -> int:
        """Run a script; ``last`` lets its last command take this process's place.

        Raises:
            ShellProblem: not a script.
        """
        status = 0
        try:
            lines = list(parse(text)) if last else None
        except SyntaxProblem:
            lines = None  # what comes before the mistake still runs
        try:
            for index, script in enumerate(lines if lines is not None else parse(text)):
                final = lines is not None and index == len(lines) - 1
                status = self.execute(script, last=final)
        except SyntaxProblem as error:
            raise ShellProblem(str(error)) from None
        return status

    def complain(self, message: str) -> None:
        """One line to standard error."""
        self.process.say(f"{self.state.name.rpartition('/')[2]}: {message}")

    # Commands

    def execute(self, node: Node, *, last: bool = False) -> int:
        """Run one command; its status, which is ``$?`` from now on."""
        self.process.checkpoint()
        if jobs.interrupted(self):
            raise InterruptedBySignalError(signals.INT)
        self.run_traps()
        if isinstance(node, Script):
            status = self._script(node, last=last)
        elif isinstance(node, Command):
            status = self._command(node, last=last)
            self._exit_on_error(status)
        elif isinstance(node, Pipeline):
            status = self._pipeline(node)
        elif isinstance(node, AndOr):
            status = self._and_or(node)
        elif isinstance(node, Background):
            status = jobs.background(self, node.command)
        elif isinstance(node, Subshell):
            status = jobs.foreground(self, self.spawn(lambda shell: shell.execute(node.body, last=True)))
            self._exit_on_error(status)
        elif isinstance(node, Function):
            self.state.functions[node.name] = node.body
            status = 0
        elif isinstance(node, Redirected):
            status = self._redirected(node)
        else:
            status = self._compound(node)
        self.state.status = status
        self.run_traps()
        return status

    def _exit_on_error(self, status: int) -> None:
        if status and "e" in self.state.options and not self.state.untested:
            raise ExitedError(status)

    def _script(self, script: Script, *, last: bool) -> int:
        status = 0
        for index, command in enumerate(script.commands):
            status = self.execute(command, last=last and index == len(script.commands) - 1)
        return status

    def _untested(self, node: Node) -> int:
        self.state.untested += 1
        try:
            return self.execute(node)
        finally:
            self.state.untested -= 1

    def _and_or(self, node: AndOr) -> int:
        status = self._untested(node.left)
        if (status == 0) == (node.operator == "&&"):
            return self.execute(node.right)
        return status

    def _compound(self, node: If | Loop | For | Case) -> int:
        if isinstance(node, If):
            for condition, body in node.branches:
                if self._untested(condition) == 0:
                    return self.execute(body)
            return self.execute(node.otherwise) if node.otherwise is not None else 0
        if isinstance(node, Case):
            word = self.expander.text(node.word)
            for choices, body in node.branches:
                if any(patterns.expression(self.expander.pieces(one)).fullmatch(word) for one in choices):
                    return self.execute(body)
            return 0
        if isinstance(node, Loop):
            return self._loop(node.body, lambda: (self._untested(node.condition) == 0) != node.until)
        words = self.state.arguments if node.words is None else self.expander.arguments(node.words)
        rest = iter(list(words))

        def another() -> bool:
            value = next(rest, None)
            if value is not None:
                self.state.set(node.name, value)
            return value is not None

        return self._loop(node.body, another)

    def _loop(self, body: Script, another: Callable[[], bool]) -> int:
        status = 0
        self.state.loop_depth += 1
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
            self.state.loop_depth -= 1

    def _redirected(self, node: Redirected) -> int:
        return self.with_files(node.redirects, lambda: self.execute(node.command))

    def with_files(self, redirects: Iterable[Redirect | HereRedirect], work: Callable[[], int]) -> int:
        """Do ``work`` in this process with redirections, which are undone after it."""
        try:
            files = redirected(self.process, self.expander, redirects)
        except ShellProblem as error:
            self.complain(str(error))
            return error.status
        before, self.process.files = self.process.files, files
        try:
            return work()
        finally:
            release(self.process.files)
            self.process.files = before

    # Simple commands

    def _command(self, node: Command, *, last: bool) -> int:
        from .builtins import BUILTINS, SPECIAL

        self._substituted = 0
        words = self.expander.arguments(node.words)
        assignments = [(name, self.expander.text(value)) for name, value in node.assignments]
        if "x" in self.state.options:
            self.process.say("+ " + " ".join([*(f"{name}={value}" for name, value in assignments), *words]))
        if not words:
            for name, value in assignments:
                self.state.set(name, value)
            status = self._substituted
            return self.with_files(node.redirects, lambda: status) if node.redirects else status
        name = words[0]
        function = self.state.functions.get(name)
        builtin = BUILTINS.get(name)
        if name in SPECIAL and builtin is not None:
            for variable, value in assignments:
                self.state.set(variable, value)
            if name == "exec":
                return self._exec(words[1:], node)
            return self.with_files(node.redirects, lambda: builtin(self, words))
        if function is not None or builtin is not None:
            with_function = (lambda: self.call(function, words[1:])) if function is not None else None
            run = with_function or (lambda: builtin(self, words) if builtin is not None else 0)
            return self.with_files(node.redirects, lambda: self._with_variables(assignments, run))
        return self._external(words, dict(assignments), node.redirects, last=last)

    def _with_variables(self, assignments: list[tuple[str, str]], work: Callable[[], int]) -> int:
        before = {name: (self.state.get(name), name in self.state.exported) for name, _ in assignments}
        for name, value in assignments:
            self.state.set(name, value)
            self.state.exported.add(name)
        try:
            return work()
        finally:
            for name, (old, exported) in before.items():
                if old is None:
                    self.state.unset(name)
                else:
                    self.state.set(name, old)
                if not exported:
                    self.state.exported.discard(name)

    def call(self, function: Node, arguments: list[str]) -> int:
        """Run a function's body with its own arguments."""
        before, self.state.arguments = self.state.arguments, arguments
        try:
            return self.execute(function)
        except Return as end:
            return end.status
        finally:
            self.state.arguments = before

    def _external(
        self,
        words: list[str],
        env: dict[str, str],
        redirects: Iterable[Redirect | HereRedirect],
        *,
        last: bool,
    ) -> int:
        try:
            files = redirected(self.process, self.expander, redirects)
        except ShellProblem as error:
            self.complain(str(error))
            return error.status
        try:
            body = self.program(words, env)
        except CommandProblem as error:
            before, self.process.files = self.process.files, files
            self.complain(str(error))
            self.process.files = before
            release(files)
            return error.status
        environment = {**self.state.environment(), **env}
        if last and not any(self.state.traps.values()) and not self.interactive:
            return self.replace(words, body, environment, files)
        child = jobs.fork(self, words, files)
        if child is None:
            return 2
        child.env = environment
        jobs.start(self, child, body)
        return jobs.foreground(self, child)

    def run_program(self, words: list[str]) -> int:
        """Run a program that is neither looked for among functions nor builtins (``command``)."""
        return self._external(words, {}, (), last=False)

    def program(self, words: list[str], env: dict[str, str]) -> Callable[[Process], int]:
        """The program that ``words`` name.

        Raises:
            CommandProblem: there is none.
        """
        path = find_program(self.process, words[0], env.get("PATH", self.state.get("PATH")))
        try:
            return load(self.process, path, words)
        except OSError:
            # Neither binary nor "#!": POSIX has the shell run it as a script.
            return load(self.process, "/bin/sh", ["sh", path, *words[1:]])

    def replace(
        self, words: list[str], body: Callable[[Process], int], env: dict[str, str], files: dict[int, OpenFile]
    ) -> int:
        """Let the program take this process's place (``exec``)."""
        process = self.process
        old, process.files = process.files, files
        release(old)
        process.argv, process.env = words, env
        process.caught.clear()
        process.trapped.clear()
        self.state.traps.clear()
        raise ExitedError(body(process))

    def _exec(self, words: list[str], node: Command) -> int:
        files = redirected(self.process, self.expander, node.redirects)
        if not words:
            old, self.process.files = self.process.files, files
            release(old)
            return 0
        try:
            body = self.program(words, {})
        except CommandProblem as error:
            release(files)
            raise ShellProblem(str(error), error.status) from None
        return self.replace(words, body, self.state.environment(), files)

    # Other processes

    def spawn(
        self,
        work: Callable[[Shell], int],
        files: dict[int, OpenFile] | None = None,
        *,
        group: int = 0,
        ignoring: frozenset[int] = frozenset(),
    ) -> Process | None:
        """Start a subshell that does ``work``; None if there are too many processes.

        Args:
            work: what it does.
            files: its open files; default copies of this one's.
            group: the process group it joins, where jobs have their own; 0 begins one.
            ignoring: signals that do nothing to it.
        """
        child = jobs.fork(self, ["sh"], files)
        if child is not None:
            child.ignored |= ignoring
            state = self.state.copy()

            def live(process: Process) -> int:
                shell = Shell(process, state)
                return shell.live(lambda: work(shell))

            jobs.start(self, child, live, group)
        return child

    def _pipeline(self, node: Pipeline) -> int:
        if len(node.commands) == 1:
            return int(self._untested(node.commands[0]) == 0)
        statuses = jobs.pipeline(self, node.commands)
        failed = [status for status in statuses if status]
        status = failed[-1] if failed and "pipefail" in self.state.options else statuses[-1]
        if node.negated:
            return int(status == 0)
        self._exit_on_error(status)
        return status

    def _substitute(self, script: Script) -> str:
        said, status = jobs.capture(self, script)
        self._substituted = self.state.status = status
        return said.replace(b"\0", b"").decode(errors="surrogateescape").rstrip("\n")

    # Traps

    def run_traps(self) -> None:
        """Do what the traps of the signals that came say."""
        while self.process.trapped:
            name = signals.name(self.process.trapped.popleft())
            action = self.state.traps.get(name)
            if action:
                self._trap(action, self.state.status)

    def _trap(self, action: str, status: int) -> int:
        self.run_text(action)
        self.state.status = status
        return status
