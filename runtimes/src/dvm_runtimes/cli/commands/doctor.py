"""``dvm doctor``: check the engines and the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.common_options import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.discovery.doctor import Report

_MARKS = {"ok": ("✓", "green"), "note": ("·", "bright_black"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


@click.command("doctor")
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, runtime: str | None) -> int:
    """Check the engines and the configuration: what was found, what answers, and how to fix the rest.

    The exit code is 0 if workspaces can be started, 69 if no engine answers,
    and 1 for any other problem. In a pipe, each line has four fields: topic,
    `ok`, `note`, `warning` or `problem`, finding, and hint.
    """
    from dvm_runtimes.cli.exit_codes import FAILED, UNAVAILABLE
    from dvm_runtimes.cli.output import print_json, print_line
    from dvm_runtimes.cli.standard_streams import is_terminal
    from dvm_runtimes.discovery.doctor import examine

    report = examine(runtime or "auto")
    if invocation.json:
        print_json(report.to_dict())
    elif is_terminal("stdout"):
        _show(report)
    else:
        for check in report.checks:
            print_line(check.topic, check.state, check.text, check.hint)
    if report.ok:
        return 0
    return FAILED if report.used is not None and report.used.reachable else UNAVAILABLE


def _show(report: Report) -> None:
    from rich.text import Text

    from dvm_runtimes.cli.formatting import visible
    from dvm_runtimes.cli.output import console

    screen = console("stdout")
    for check in report.checks:
        mark, colour = _MARKS[check.state]
        line = Text.assemble((f"{mark} ", colour), (visible(check.topic), "bold"), f"  {visible(check.text)}")
        # Wrapped by the terminal, so that commands can be copied without line breaks.
        screen.print(line, soft_wrap=True)
        if check.hint:
            screen.print(Text(f"    {visible(check.hint)}", style="cyan"), soft_wrap=True)
