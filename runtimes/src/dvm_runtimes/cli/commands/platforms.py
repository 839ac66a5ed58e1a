"""``dvm platforms``: list the container platforms found here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.arguments import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.infos import Platform


@click.command("platforms")
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, runtime: str | None) -> None:
    """List the container platforms found on this machine, and whether they answer.

    With --runtime, only those of that name. In a pipe each line has the
    runtime's name, the platform's, its version, its endpoint, `reachable` or
    `unreachable`, and `active` for the one in use, with a tab between them.
    """
    from dvm_runtimes.cli.output import print_json, print_rows
    from dvm_runtimes.cli.streams import is_terminal
    from dvm_runtimes.detection import detect_platforms

    found = [one for one in detect_platforms() if _meant(one, runtime)]
    if invocation.json:
        print_json([one.to_dict() for one in found])
    elif is_terminal("stdout"):
        print_rows(
            ("", "RUNTIME", "PLATFORM", "VERSION", "STATUS", "ENDPOINT"),
            [
                ("*" if one.active else "", _selector(one), one.name, one.version, _status(one), one.endpoint)
                for one in found
            ],
            empty="No container platform found. `dvm doctor` tells how to get one.",
            status=4,
            whole=1,
        )
    else:
        print_rows(
            (),
            [
                (
                    _selector(one),
                    one.name,
                    one.version,
                    one.endpoint,
                    "reachable" if one.reachable else "unreachable",
                    "active" if one.active else "",
                )
                for one in found
            ],
        )


def _meant(platform: Platform, runtime: str | None) -> bool:
    return runtime in (None, "all", "auto", platform.type, platform.selector)


def _selector(platform: Platform) -> str:
    return platform.selector or platform.type


def _status(platform: Platform) -> str:
    return "running" if platform.reachable else (platform.problem or "unreachable")
