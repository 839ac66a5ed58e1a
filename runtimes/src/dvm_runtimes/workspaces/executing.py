"""Running a command inside a workspace: its output, its exit code, and its end."""

from __future__ import annotations

import io
from collections.abc import Sequence

from dvm_runtimes.engines.base import STDERR, Engine, ExecSession, ExecSpec
from dvm_runtimes.engines.feeder import Feeder
from dvm_runtimes.errors import InvalidOptionError, WorkspaceNotFoundError, WorkspaceNotRunningError
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
    feeder: Feeder | None = None
    try:
        with op.aborting(session.abort):
            if options.input:
                data = memoryview(options.input)
                feeder = Feeder(session, (bytes(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE)))
            collected = _read(session, options)
            code = session.wait()
            if feeder is not None:
                session.abort()  # the command may have left input unread, which is its right
        return ExecResult(code, *collected)
    except BaseException:
        session.abort()
        session.kill()
        raise
    finally:
        session.close()
        if feeder is not None:
            feeder.finish()


def _read(session: ExecSession, options: ExecOptions) -> tuple[bytes, bytes]:
    # These grow in place; pieces in a list would need all of the memory twice.
    out, err = io.BytesIO(), io.BytesIO()
    on_stdout = options.on_stdout or out.write
    on_stderr = options.on_stderr or err.write
    while (piece := session.read()) is not None:
        stream, data = piece
        (on_stderr if stream == STDERR else on_stdout)(data)
    return out.getvalue(), err.getvalue()
