"""Options and arguments that several sub-commands share, and how their values are read."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from dvm_runtimes.errors import InvalidOptionError

from .invocation import Invocation

Function = TypeVar("Function", bound=Callable[..., Any])

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def runtime_option(command: Function) -> Function:
    """``--runtime NAME``"""
    return click.option(
        "--runtime",
        metavar="NAME",
        help="docker, orbstack, podman, colima, containerd, k3s, mock; NAME:PROFILE for one of several."
        "  [default: $DVM_RUNTIME, the configuration, or the first that answers]",
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
        help="Write one JSON document to stdout and nothing else.",
    )(command)


def timeout_option(command: Function) -> Function:
    """``--timeout TIME``"""
    return click.option(
        "--timeout", type=duration, metavar="TIME", help="Give up after this long, such as 90, 5m or 1h."
    )(command)


def name_argument(command: Function) -> Function:
    """One workspace; none means the active one."""
    return click.argument("name", required=False)(command)


def names_argument(command: Function) -> Function:
    """Any number of workspaces; none means the active one."""
    return click.argument("names", metavar="[NAME]...", nargs=-1)(command)


def session_options(command: Function) -> Function:
    """What a command or shell inside a workspace is run with."""
    options = (
        click.option(
            "-e", "--env", multiple=True, metavar="KEY[=VALUE]", help="Set a variable, or pass on this shell's own."
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
    """``timeout`` as keyword arguments: left out, each method has its own default."""
    return {} if timeout is None else {"timeout": timeout}


def environment(given: Sequence[str], field: str = "env") -> dict[str, str]:
    """Parse ``KEY=VALUE`` arguments; ``KEY`` alone takes the value from this process's environment.

    Args:
        given: the arguments.
        field: the option that holds them, for the error.

    Raises:
        InvalidOptionError: a lone name that is not set here.

    >>> environment(["A=1", "B="])
    {'A': '1', 'B': ''}
    """
    found = {}
    for word in given:
        key, assigned, value = word.partition("=")
        if not assigned:
            if key not in os.environ:
                raise InvalidOptionError(
                    field, key, "is not set in this environment", hint=f"Write {key}= for an empty value."
                )
            value = os.environ[key]
        found[key] = value
    return found


def pairs(given: Sequence[str], field: str, separator: str = "=") -> dict[str, str]:
    """Parse ``KEY=VALUE`` arguments; ``KEY`` alone has an empty value.

    >>> pairs(["team=shop", "draft"], "labels")
    {'team': 'shop', 'draft': ''}
    """
    found = {}
    for word in given:
        key, _, value = word.partition(separator)
        if not key:
            raise InvalidOptionError(field, word, f"write KEY{separator}VALUE")
        found[key] = value
    return found


def duration(text: str) -> float:
    """Seconds: a number, or numbers with s, m, h or d.

    >>> duration("90"), duration("1h30m")
    (90.0, 5400.0)
    """
    found = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found or "".join(number + unit for number, unit in found) != text:
        raise click.BadParameter(f"'{text}' is not a time; write seconds, or numbers with s, m, h or d: 90, 5m, 1h30m.")
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def moment(text: str) -> float:
    """Seconds since the epoch: written so, as a time ago, or as an ISO 8601 date and time.

    >>> moment("2026-01-31T12:00:00Z")
    1769860800.0
    """
    import datetime

    if re.fullmatch(r"\d{9,}(\.\d+)?", text):
        return float(text)
    try:
        # Without a zone, the user's own is meant.
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    try:
        return max(0.0, time.time() - duration(text))
    except click.BadParameter:
        raise click.BadParameter(
            f"'{text}' is neither a time ago (10m) nor a date and time (2026-01-31T12:00:00Z)."
        ) from None


def user_numbers(text: str) -> tuple[int, int | None]:
    """``UID`` or ``UID:GID``.

    >>> user_numbers("1000:1000")
    (1000, 1000)
    """
    match = re.fullmatch(r"(\d{1,10})(?::(\d{1,10}))?", text)
    if match is None:
        raise click.BadParameter(f"'{text}' is not UID or UID:GID; names are not known outside the workspace.")
    return int(match[1]), None if match[2] is None else int(match[2])


def user_fields(user: tuple[int, int | None] | None) -> dict[str, Any]:
    """``--user`` as the fields ``uid`` and ``gid`` of options."""
    return {} if user is None else {"uid": user[0], "gid": user[1]}
