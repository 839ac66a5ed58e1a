"""``dvm context``: the app and the workspace that commands mean when none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.app import CommandGroup
from dvm_runtimes.cli.arguments import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.user.context import Context


@click.group("context", cls=CommandGroup, invoke_without_command=True)
@runtime_option
@json_option
@click.pass_context
def command(ctx: click.Context, runtime: str | None) -> None:
    """Show or change the app and the workspace that commands mean when none is named.

    DVM_APP and DVM_WORKSPACE, where they are set, come before what was
    saved. The context is the same for every runtime. In a pipe each line has
    a name, a tab and a value.

    \b
      dvm context                      what is active
      dvm context set --app shop dev   workspace dev of app shop
      dvm context clear                nothing
    """
    if ctx.invoked_subcommand is None:
        from dvm_runtimes.user.context import load_context

        _print(ctx.ensure_object(Invocation), load_context())


@command.command("set")
@click.argument("workspace", required=False)
@click.option("--app", metavar="TEXT", help="The app; another one than before leaves no workspace active.")
@json_option
@click.pass_obj
def set_context(invocation: Invocation, workspace: str | None, app: str | None) -> None:
    """Make WORKSPACE the active one, or APP the active app, or both."""
    from dvm_runtimes.user.context import update_context

    if workspace is None and app is None:
        raise click.UsageError("Name a workspace, or give --app.")
    _print(invocation, update_context(app=app, workspace=workspace))


@command.command("clear")
@json_option
@click.pass_obj
def clear_context(invocation: Invocation) -> None:
    """Leave nothing active; also mends a damaged file."""
    from dvm_runtimes.user.context import Context, save_context

    save_context(Context())
    _print(invocation, Context())


@command.command("show")
@json_option
@click.pass_obj
def show_context(invocation: Invocation) -> None:
    """Show what is active; the same as no word at all."""
    from dvm_runtimes.user.context import load_context

    _print(invocation, load_context())


def _print(invocation: Invocation, context: Context) -> None:
    from dvm_runtimes.cli.output import print_facts, print_json
    from dvm_runtimes.cli.streams import is_terminal

    facts = [(name, value) for name, value in context.to_dict().items() if value]
    if invocation.json:
        print_json(context.to_dict())
    elif facts:
        print_facts(facts)
    elif is_terminal("stdout"):
        click.echo("No app and no workspace are active: the current folder's workspace is meant.", err=True)
