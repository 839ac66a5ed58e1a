"""``dvm exec``: run a command in a workspace."""

from __future__ import annotations

import base64
import io
import sys
from typing import TYPE_CHECKING, Any, Protocol

import click

from dvm_runtimes.cli.common_options import json_option, limits, runtime_option, session_options, timeout_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import environment, user_fields
from dvm_runtimes.cli.trailing_argv import NameThenArgv
from dvm_runtimes.options import AttachOptions, ExecOptions

if TYPE_CHECKING:
    from dvm_runtimes.engines.base import ExecSession


@click.command("exec", cls=NameThenArgv)
@click.option("-i", "--interactive", is_flag=True, help="Forward stdin even if it is a terminal.")
@click.option("-t", "--tty", is_flag=True, help="Run the command on this terminal.")
@session_options
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    name: str | None,
    argv: tuple[str, ...],
    interactive: bool,
    tty: bool,
    env: tuple[str, ...],
    working_dir: str | None,
    user: tuple[int, int | None] | None,
    timeout: float | None,
    runtime: str | None,
) -> int:
    """Run a command in workspace NAME and exit with its exit code.

    stdout and stderr are forwarded separately. stdin is forwarded if it is a
    pipe or a file. The arguments after `--` are passed on unchanged, without
    a shell.

    \b
      dvm exec dev -- make test
      tar c src | dvm exec dev -- tar x -C /tmp
    """
    from dvm_runtimes.cli.output import print_json
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.cli.standard_streams import is_terminal, real_streams
    from dvm_runtimes.cli.target import target_reference

    if tty and not (is_terminal("stdin") and is_terminal("stdout")):
        raise click.UsageError("-t needs a terminal on stdin and stdout.")
    if tty and invocation.json:
        raise click.UsageError("--json and -t exclude each other.")
    options: dict[str, Any] = {"env": environment(env), "working_dir": working_dir, **user_fields(user)}
    output = _Collected() if invocation.json else _Forwarded()
    with open_runtime(invocation, runtime) as (chosen, cancel):
        workspace = target_reference(name, chosen, cancel)
        limit: dict[str, Any] = {"cancel": cancel, **limits(timeout)}
        if tty:
            return chosen.attach_to_workspace(workspace, AttachOptions(command=argv, tty=True, **options), **limit)
        forwards_input = interactive or not is_terminal("stdin")
        if forwards_input and real_streams():
            with chosen.open_exec(workspace, argv, ExecOptions(**options), **limit) as session:
                code = _run(session, output)
        else:
            given = sys.stdin.buffer.read() if forwards_input else None  # a caller in Python has replaced stdin
            streamed = ExecOptions(input=given, on_stdout=output.stdout, on_stderr=output.stderr, **options)
            code = chosen.exec_in_workspace(workspace, argv, streamed, **limit).exit_code
    if isinstance(output, _Collected):
        print_json(output.document(code))
    return code


def _run(session: ExecSession, output: _Output) -> int:
    """Forward standard input while the command runs. The command's end counts, not that of the input."""
    from dvm_runtimes.engines.base import STDERR
    from dvm_runtimes.workspaces.attaching import InputForwarder

    with InputForwarder(session, sys.stdin.fileno()):
        while (piece := session.read()) is not None:
            stream, data = piece
            (output.stderr if stream == STDERR else output.stdout)(data)
        return session.wait()


class _Output(Protocol):
    """Where the output of the command goes."""

    def stdout(self, data: bytes) -> None: ...

    def stderr(self, data: bytes) -> None: ...


class _Forwarded:
    """Output to the streams of this process."""

    def stdout(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def stderr(self, data: bytes) -> None:
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()


class _Collected:
    """Output for a JSON document."""

    def __init__(self) -> None:
        self._out, self._err = io.BytesIO(), io.BytesIO()

    def stdout(self, data: bytes) -> None:
        self._out.write(data)

    def stderr(self, data: bytes) -> None:
        self._err.write(data)

    def document(self, code: int) -> dict[str, Any]:
        """Both streams as text if they are UTF-8, else in base64."""
        out, err = self._out.getvalue(), self._err.getvalue()
        try:
            return {"exit_code": code, "stdout": out.decode(), "stderr": err.decode(), "encoding": "utf-8"}
        except UnicodeDecodeError:
            encoded = (base64.b64encode(stream).decode() for stream in (out, err))
            return {"exit_code": code, **dict(zip(("stdout", "stderr"), encoded, strict=True)), "encoding": "base64"}
