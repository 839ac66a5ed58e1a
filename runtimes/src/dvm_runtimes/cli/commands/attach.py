"""``dvm attach``: open a shell in a workspace."""

from __future__ import annotations

from pathlib import Path

import click

from dvm_runtimes.cli.common_options import json_option, name_argument, runtime_option, session_options
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import environment, user_fields
from dvm_runtimes.cli.trailing_argv import TrailingArgv
from dvm_runtimes.options import AttachOptions


@click.command("attach", cls=TrailingArgv)
@name_argument
@click.option("--shell", metavar="PATH", help="Shell.  [default: that of the user, else zsh, bash or sh]")
@click.option(
    "--no-login", "login_shell", is_flag=True, flag_value=False, default=True, help="Do not start it as a login shell."
)
@session_options
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    name: str | None,
    argv: tuple[str, ...],
    shell: str | None,
    login_shell: bool,
    env: tuple[str, ...],
    working_dir: str | None,
    user: tuple[int, int | None] | None,
    runtime: str | None,
) -> int:
    """Open a shell in workspace NAME, or run a command there, on this terminal.

    The exit code is that of the shell. All keys are sent to it, Ctrl-C
    included. With --json nothing is opened: the document holds the program,
    arguments and environment that an editor's terminal has to run.
    """
    from dvm_runtimes.cli.attach_command import attach_command
    from dvm_runtimes.cli.output import print_json
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.cli.target import find_target, target_reference

    options = AttachOptions(
        shell=shell,
        login_shell=login_shell,
        env=environment(env),
        working_dir=working_dir,
        command=argv or None,
        **user_fields(user),
    )
    with open_runtime(invocation, runtime) as (chosen, cancel):
        if not invocation.json:
            workspace = target_reference(name, chosen, cancel)
            return chosen.attach_to_workspace(workspace, options, cancel=cancel)
        workspace = find_target(name, chosen, cancel).name
        terminal = attach_command(chosen, workspace, options)
    print_json({**terminal._asdict(), "cwd": str(Path.cwd())})
    return 0
