"""``dvm platforms``: list the container platforms of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.common_options import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.infos import Platform


@click.command("platforms")
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, runtime: str | None) -> None:
    """List the container platforms of this machine and whether they answer.

    --runtime limits the list to that name. In a pipe, each line has eight
    fields: runtime, platform, version, endpoint, `reachable` or
    `unreachable`, `active` for the one in use, problem and hint. `dvm doctor`
    shows why a platform is not in use.
    """
    from dvm_runtimes.cli.output import print_json, print_rows
    from dvm_runtimes.cli.standard_streams import is_terminal
    from dvm_runtimes.discovery.detection import detect_platforms
    from dvm_runtimes.discovery.probing import PATIENT

    found = [one for one in detect_platforms(timeout=PATIENT) if _matches(one, runtime)]
    if invocation.json:
        print_json([one.to_dict() for one in found])
    elif is_terminal("stdout"):
        print_rows(
            ("", "RUNTIME", "PLATFORM", "VERSION", "STATUS", "ENDPOINT"),
            [
                ("*" if one.active else "", _selector(one), one.name, one.version, _status(one), one.endpoint)
                for one in found
            ],
            empty="No container platform found. `dvm doctor` shows how to get one.",
            status=4,
            whole=1,
        )
        _print_problems(found)
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
                    one.problem,
                    one.hint,
                )
                for one in found
            ],
        )


def _matches(platform: Platform, runtime: str | None) -> bool:
    return runtime in (None, "all", "auto", platform.type, platform.selector)


def _selector(platform: Platform) -> str:
    return platform.selector or platform.type


def _status(platform: Platform) -> str:
    return "running" if platform.reachable else "no answer"


def _print_problems(platforms: list[Platform]) -> None:
    """Print problems and hints below the table."""
    from rich.text import Text

    from dvm_runtimes.cli.formatting import visible
    from dvm_runtimes.cli.output import console

    screen = console("stdout")
    for one in platforms:
        if one.problem:
            line = Text.assemble(
                (f"{_selector(one)} ", "bold"), f"{visible(one.problem)}. ", (visible(one.hint), "cyan")
            )
            # Wrapped by the terminal, so that commands can be copied without line breaks.
            screen.print(line, soft_wrap=True)
