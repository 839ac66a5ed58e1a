"""Running a command inside a workspace: its output, its exit code, and its end."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence

from dvm_runtimes.engines.base import STDERR, Engine, ExecSession, ExecSpec
from dvm_runtimes.errors import DvmError, InvalidOptionError, WorkspaceNotFoundError, WorkspaceNotRunningError
from dvm_runtimes.infos import ExecResult
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import ExecOptions
from dvm_runtimes.validation.fields import check_words

from . import lookup

_PIECE = 256 * 1024
"""Bytes of input sent at once, so that a command that reads slowly can be cancelled in between."""


def check_command(command: Sequence[str]) -> tuple[str, ...]:
    """``command`` as a tuple of words.

    Raises:
        InvalidOptionError: a plain string, no words, or a word with NUL or of no valid Unicode.
    """
    words = check_words("command", command)
    if not words or not words[0]:
        raise InvalidOptionError("command", command, "must have at least one word")
    return words


def exec_spec(command: Sequence[str], options: ExecOptions) -> ExecSpec:
    """What to ask the engine for."""
    return ExecSpec(
        command=check_command(command),
        env=dict(options.env),
        working_dir=options.working_dir or "",
        user=user(options.uid, options.gid),
        # What reads nothing meets its end at once with no input too, and nerdctl loses an end that comes so early.
        stdin=bool(options.input),
    )


def user(uid: int | None, gid: int | None) -> str:
    """``"uid:gid"`` of what was given; empty for the container's own."""
    if uid is None:
        # Engines take a group only behind a user.
        return "" if gid is None else f"0:{gid}"
    return f"{uid}" if gid is None else f"{uid}:{gid}"


def run(engine: Engine, op: Operation, container: str, command: Sequence[str]) -> ExecResult:
    """Run a command without input and collect its output."""
    return execute(engine, op, container, exec_spec(command, ExecOptions()), ExecOptions())


def run_command(
    engine: Engine, op: Operation, workspace: str, spec: ExecSpec, options: ExecOptions, *, ours: bool
) -> ExecResult:
    """Run a command in the workspace that ``workspace`` names.

    Args:
        ours: ``workspace`` is the ID of a container that is known to be ours, so that it need not be looked up.
    """
    op.step = f"running {spec.command[0]!r}"
    if ours and engine.exec_refuses:
        try:
            return execute(engine, op, workspace, spec, options)
        except (WorkspaceNotFoundError, WorkspaceNotRunningError):
            lookup.get_running(engine, op, workspace)  # says more of it
            raise
    container = lookup.get_running(engine, op, workspace)
    return execute(engine, op, container.id, spec, options)


def execute(engine: Engine, op: Operation, container: str, spec: ExecSpec, options: ExecOptions) -> ExecResult:
    """Run what ``spec`` says, feed it, gather what it writes, and wait for its end.

    Whatever ends this early (the limit, the caller, a callback's exception)
    ends the command inside as well.
    """
    session = engine.exec_start(op, container, spec)
    feeder: _Feeder | None = None
    try:
        with op.aborting(session.abort):
            if options.input:
                feeder = _Feeder(session, options.input)
            collected = _read(session, options)
            code = session.wait()
            if feeder is not None:
                feeder.finish()
        return ExecResult(code, *collected)
    except BaseException:
        session.abort()
        session.kill()
        raise
    finally:
        session.close()
        if feeder is not None:
            feeder.join()


def _read(session: ExecSession, options: ExecOptions) -> tuple[bytes, bytes]:
    # These grow in place; pieces in a list would need all of the memory twice.
    out, err = io.BytesIO(), io.BytesIO()
    on_stdout = options.on_stdout or out.write
    on_stderr = options.on_stderr or err.write
    while (piece := session.read()) is not None:
        stream, data = piece
        (on_stderr if stream == STDERR else on_stdout)(data)
    return out.getvalue(), err.getvalue()


class _Feeder:
    """The thread that writes a command's input while its output is read."""

    def __init__(self, session: ExecSession, data: bytes) -> None:
        self._session = session
        self._data = memoryview(data)
        self._thread = threading.Thread(target=self._run, name="dvm-stdin", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for start in range(0, len(self._data), _PIECE):
                self._session.write(bytes(self._data[start : start + _PIECE]))
            self._session.close_stdin()
        except DvmError:
            pass  # the command ended or the session was cut: whoever reads its output says which

    def finish(self) -> None:
        """The command has ended: it may have left input unread, which is its right."""
        self._session.abort()

    def join(self) -> None:
        self._thread.join(10.0)
