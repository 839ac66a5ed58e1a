"""``dvm exec``: run a command in a workspace."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from typing import IO, Any

import click

from dvm_runtimes.cli.common_options import json_option, limits, runtime_option, session_options, timeout_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import environment, user_fields
from dvm_runtimes.cli.trailing_argv import NameThenArgv
from dvm_runtimes.infos import ExecResult
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import AttachOptions, ExecOptions
from dvm_runtimes.runtime import ContainerRuntime


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
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.cli.standard_streams import is_terminal, real_streams
    from dvm_runtimes.cli.target import target_reference

    if tty and not (is_terminal("stdin") and is_terminal("stdout")):
        raise click.UsageError("-t needs a terminal on stdin and stdout.")
    if tty and invocation.json:
        raise click.UsageError("--json and -t exclude each other.")
    session: dict[str, Any] = {"env": environment(env), "working_dir": working_dir, **user_fields(user)}
    passes_input = interactive or not is_terminal("stdin")
    with open_runtime(invocation, runtime) as (chosen, cancel):
        workspace = target_reference(name, chosen, cancel)
        streams = not invocation.json and real_streams() and chosen.capabilities.terminal
        if tty or (passes_input and streams):
            options = AttachOptions(command=argv, tty=tty, **session)
            return chosen.attach_to_workspace(workspace, options, cancel=cancel, **limits(timeout))
        given = sys.stdin.buffer.read() if passes_input else None
        if invocation.json:
            return _gather(chosen, workspace, argv, ExecOptions(input=given, **session), cancel, limits(timeout))
        streamed = ExecOptions(
            input=given, on_stdout=_writer(sys.stdout.buffer), on_stderr=_writer(sys.stderr.buffer), **session
        )
        return chosen.exec_in_workspace(workspace, argv, streamed, cancel=cancel, **limits(timeout)).exit_code


def _gather(
    runtime: ContainerRuntime,
    workspace: str,
    argv: tuple[str, ...],
    options: ExecOptions,
    cancel: CancelToken,
    limit: dict[str, Any],
) -> int:
    from dvm_runtimes.cli.output import print_json

    result = runtime.exec_in_workspace(workspace, argv, options, cancel=cancel, **limit)
    print_json(as_document(result))
    return result.exit_code


def as_document(result: ExecResult) -> dict[str, Any]:
    """The result as JSON-ready data: as text if both streams are UTF-8, else both in base64."""
    try:
        out, err, encoding = result.stdout.decode(), result.stderr.decode(), "utf-8"
    except UnicodeDecodeError:
        out, err = (base64.b64encode(stream).decode() for stream in (result.stdout, result.stderr))
        encoding = "base64"
    return {"exit_code": result.exit_code, "stdout": out, "stderr": err, "encoding": encoding}


def _writer(stream: IO[bytes]) -> Callable[[bytes], object]:
    def write(data: bytes) -> None:
        stream.write(data)
        stream.flush()

    return write
