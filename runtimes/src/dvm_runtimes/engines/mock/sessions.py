"""Exec sessions: a process inside, and the two ends of its streams."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dvm_runtimes.engines.base import STDERR, STDOUT, ExecSession, ExecSpec
from dvm_runtimes.errors import DvmError, ExecError
from dvm_runtimes.operation import AbortedError

from .handles import OpenFile, null_file
from .launching import SCRIPT_IT, CommandProblem, prepare
from .output import Output
from .pipes import Pipe
from .processes import Body, KilledError, Process
from .runs import Run, dress
from .terminals import PseudoTerminal
from .users import UnknownUserError

if TYPE_CHECKING:
    from .containers import MockContainer

_ENDS = 5.0
"""Seconds in which a killed process ends; only a callable of the mock's user can take that long."""


class MockSession(ExecSession):
    """One command in a container.

    Args:
        container: where.
        run: its present run.
        spec: what.
        scripted: the scripted answer that runs instead, if there is one.
    """

    def __init__(self, container: MockContainer, run: Run, spec: ExecSpec, scripted: Body | None) -> None:
        self._world = container.world
        self._table = run.table
        self._failure: ExecError | None = None
        self._broken: DvmError | None = None
        self._output = Output(self._table.lock)
        self._terminal: PseudoTerminal | None = None
        self._stdin: Pipe | None = None
        self._process = Process(run.table, run.tree, list(spec.command))
        try:
            self._begin(container, spec, scripted)
        except CommandProblem as error:
            self._fail(f"{spec.command[0]!r} could not be started: {error}", error.status, str(error))
        except UnknownUserError as error:
            self._fail(str(error), 126, str(error))
        except OSError as error:
            # Docker reads runc's words: "no such file or directory" is 127, the rest 126.
            status = 127 if error.errno == errno.ENOENT else 126
            self._fail(f"{spec.command[0]!r} could not be started: {error}", status, str(error))
        except KilledError:
            self._process.status = 137
            self._output.end(at_once=True)

    def _begin(self, container: MockContainer, spec: ExecSpec, scripted: Body | None) -> None:
        process = self._process
        dress(container, process, spec.user or container.spec.user)
        if spec.tty:
            process.env.setdefault("TERM", "xterm")
        process.env.update(spec.env)
        process.cwd = process.tree.folder(spec.working_dir or container.working_dir, "/", process.who)
        body = scripted or prepare(process, process.argv)
        with self._table.lock:
            self._table.admit(process)
            process.session = process.group = process.pid
        process.files = self._terminal_files(spec) if spec.tty else self._plain_files(spec)
        process.on_end.append(self._ended)
        process.start(body)

    def _plain_files(self, spec: ExecSpec) -> dict[int, OpenFile]:
        stdin: OpenFile = null_file()
        if spec.stdin:
            self._stdin = Pipe(self._table.lock)
            stdin = self._stdin.reader()
        return {0: stdin, 1: self._output.writer(STDOUT), 2: self._output.writer(STDERR)}

    def _terminal_files(self, spec: ExecSpec) -> dict[int, OpenFile]:
        terminal = self._terminal = self._process.terminal = PseudoTerminal(self._table, self._output, spec.size)
        terminal.foreground = self._process.group
        if not spec.stdin:
            terminal.end_input()
        handle = terminal.handle()
        return {0: handle, 1: handle.retain(), 2: handle.retain()}

    def _fail(self, message: str, status: int, detail: str) -> None:
        hint = f"The mock has a few programs only; {SCRIPT_IT}." if status == 127 else "Look at its mode and its owner."
        self._failure = self._world.problem(ExecError, message, hint=hint, detail=detail, exit_code=status)
        self._output.end(at_once=True)

    def _ended(self, status: int) -> None:
        if self._terminal is not None:
            self._terminal.hang_up()
        # Whoever is still writing to a command that has ended need not wait.
        if self._stdin is not None:
            self._stdin.close_reading()
        self._output.end(at_once=self._table.ended)

    # As the interface has it

    def read(self) -> tuple[int, bytes] | None:
        return self._output.read()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._terminal is not None:
                terminal = self._terminal
                self._await(terminal.condition, terminal.has_room)
                terminal.type(bytes(view[:4096]))
                view = view[4096:]
                continue
            pipe = self._stdin
            if pipe is None:
                return
            with pipe.condition:
                self._await(pipe.condition, pipe.has_room)
                if pipe.unread:
                    return
                view = view[pipe.fill(view) :]

    def _await(self, condition: threading.Condition, ready: Callable[[], bool]) -> None:
        with condition:
            condition.wait_for(lambda: ready() or self._broken is not None)
            if self._broken is not None:
                raise self._broken

    def close_stdin(self) -> None:
        if self._terminal is not None:
            self._terminal.end_input()
        elif self._stdin is not None:
            self._stdin.close_writing()

    def resize(self, rows: int, columns: int) -> None:
        if self._terminal is not None and self._process.status is None:
            self._terminal.resize(rows, columns)

    def wait(self) -> int:
        if self._failure is not None:
            raise self._failure
        with self._table.lock:
            changed = self._table.changed
            changed.wait_for(lambda: self._process.status is not None or self._broken is not None)
            if self._process.status is None:
                assert self._broken is not None
                raise self._broken
            return self._process.status

    def kill(self) -> None:
        if self._failure is not None:
            return
        self._table.kill_session(self._process.session)
        with self._table.lock:
            self._table.changed.wait_for(lambda: self._process.status is not None, _ENDS)

    def abort(self) -> None:
        self.break_off(self._world.problem(AbortedError, "the session was aborted"))

    def break_off(self, error: DvmError) -> None:
        """The connection is lost: every call that waits raises ``error``."""
        with self._table.lock:
            self._broken = self._broken or error
            self._output.break_off(error)
            self._table.changed.notify_all()
            for condition in (self._stdin, self._terminal):
                if condition is not None:
                    condition.condition.notify_all()

    def close(self) -> None:
        self._output.drop()
        self.close_stdin()
        self._world.forget_session(self)
