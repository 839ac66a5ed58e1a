"""``dvm doctor``: tell what works, what does not, and what fixes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.arguments import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.discovery.doctor import Report

_MARKS = {"ok": ("✓", "green"), "note": ("·", "bright_black"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


@click.command("doctor")
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, runtime: str | None) -> int:
    """Tell what was found here, what answers, why something is not used, and the command that would fix it.

    Ends with 0 when workspaces can be started, 69 when no engine answers,
    1 for anything else that is in the way. In a pipe each line has the topic,
    `ok`, `note`, `warning` or `problem`, what was found, and what to do, with
    a tab between them.
    """
    from dvm_runtimes.cli.exits import FAILED, UNAVAILABLE
    from dvm_runtimes.cli.output import print_json, print_line
    from dvm_runtimes.cli.streams import is_terminal
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

    from dvm_runtimes.cli.output import console
    from dvm_runtimes.cli.text import visible

    screen = console("stdout")
    for check in report.checks:
        mark, colour = _MARKS[check.state]
        line = Text.assemble((f"{mark} ", colour), (visible(check.topic), "bold"), f"  {visible(check.text)}")
        # The terminal wraps: a line break within a command would be copied with it.
        screen.print(line, soft_wrap=True)
        if check.hint:
            screen.print(Text(f"    {visible(check.hint)}", style="cyan"), soft_wrap=True)
