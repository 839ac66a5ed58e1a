"""``dvm context``: show or set the active workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.app import CommandGroup
from dvm_runtimes.cli.common_options import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.user.context import Context


@click.group("context", cls=CommandGroup, invoke_without_command=True)
@runtime_option
@json_option
@click.pass_context
def command(ctx: click.Context, runtime: str | None) -> None:
    """Show or set the active app and workspace, which commands use when no NAME is given.

    The variables DVM_APP and DVM_WORKSPACE override the saved context. The
    context is the same for all runtimes. In a pipe, each line is a name, a
    tab and a value.

    \b
      dvm context                      show the active app and workspace
      dvm context set --app shop dev   activate workspace dev of app shop
      dvm context clear                deactivate both
    """
    if ctx.invoked_subcommand is None:
        from dvm_runtimes.user.context import load_context

        _print(ctx.ensure_object(Invocation), load_context())


@command.command("set")
@click.argument("workspace", required=False)
@click.option("--app", metavar="TEXT", help="App. Changing it deactivates the workspace.")
@json_option
@click.pass_obj
def set_context(invocation: Invocation, workspace: str | None, app: str | None) -> None:
    """Set the active workspace, the active app, or both."""
    from dvm_runtimes.user.context import update_context

    if workspace is None and app is None:
        raise click.UsageError("Give WORKSPACE or --app.")
    _print(invocation, update_context(app=app, workspace=workspace))


@command.command("clear")
@json_option
@click.pass_obj
def clear_context(invocation: Invocation) -> None:
    """Deactivate app and workspace. Replaces a damaged context file."""
    from dvm_runtimes.user.context import Context, save_context

    save_context(Context())
    _print(invocation, Context())


@command.command("show")
@json_option
@click.pass_obj
def show_context(invocation: Invocation) -> None:
    """Show the active app and workspace."""
    from dvm_runtimes.user.context import load_context

    _print(invocation, load_context())


def _print(invocation: Invocation, context: Context) -> None:
    from dvm_runtimes.cli.output import print_facts, print_json
    from dvm_runtimes.cli.standard_streams import is_terminal

    facts = [(name, value) for name, value in context.to_dict().items() if value]
    if invocation.json:
        print_json(context.to_dict())
    elif facts:
        print_facts(facts)
    elif is_terminal("stdout"):
        click.echo("No app or workspace is active; commands use the workspace of the current folder.", err=True)
