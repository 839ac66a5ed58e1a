"""Options and arguments that several sub-commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .invocation import Invocation
from .option_values import duration, user_numbers

Function = TypeVar("Function", bound=Callable[..., Any])


def runtime_option(command: Function) -> Function:
    """``--runtime NAME``"""
    return click.option(
        "--runtime",
        metavar="NAME",
        help="docker, orbstack, podman, colima, containerd or mock; NAME:PROFILE for one of several."
        "  [default: $DVM_RUNTIME, the configuration file, or the first that answers]",
    )(command)


def json_option(command: Function) -> Function:
    """``--json``"""

    def keep(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            ctx.ensure_object(Invocation).json = True

    return click.option(
        "--json",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=keep,
        help="Write one JSON document to stdout, and nothing else.",
    )(command)


def timeout_option(command: Function) -> Function:
    """``--timeout TIME``"""
    return click.option("--timeout", type=duration, metavar="TIME", help="Time limit, such as 90, 5m or 1h.")(command)


def name_argument(command: Function) -> Function:
    """``[NAME]``: one workspace; default the active one."""
    return click.argument("name", required=False)(command)


def names_argument(command: Function) -> Function:
    """``[NAME]...``: any number of workspaces; default the active one."""
    return click.argument("names", metavar="[NAME]...", nargs=-1)(command)


def session_options(command: Function) -> Function:
    """Options of a command or shell in a workspace."""
    options = (
        click.option(
            "-e",
            "--env",
            multiple=True,
            metavar="KEY[=VALUE]",
            help="Set a variable; KEY alone passes the caller's value.",
        ),
        click.option(
            "-w", "--workdir", "working_dir", metavar="PATH", help="Working directory, if not the workspace's."
        ),
        click.option("-u", "--user", type=user_numbers, metavar="UID[:GID]", help="User, by number."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def limits(timeout: float | None) -> dict[str, float]:
    """``timeout`` as keyword arguments; none for None, so that each method uses its default."""
    return {} if timeout is None else {"timeout": timeout}
