"""``dvm logs``: show what a workspace wrote."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from dvm_runtimes.cli.arguments import json_option, moment, name_argument, runtime_option
from dvm_runtimes.cli.invocation import Invocation


@click.command("logs")
@name_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the workspace ends, or Ctrl-C.")
@click.option("-n", "--tail", metavar="LINES", help="Only so many last lines.  [default: all]")
@click.option("--since", type=moment, metavar="TIME", help="Only what is newer: 10m, or 2026-01-31T12:00:00Z.")
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation, name: str | None, follow: bool, tail: str | None, since: float | None, runtime: str | None
) -> None:
    """Show what the main process of workspace NAME wrote, as it was written."""
    from dvm_runtimes.cli import targets
    from dvm_runtimes.cli.engines import engine
    from dvm_runtimes.cli.output import print_json

    if invocation.json and follow:
        raise click.UsageError("--json is one document, which --follow never ends.")
    with engine(invocation, runtime) as (chosen, cancel):
        workspace = targets.find(name, chosen, cancel)
        invocation.quiet_cancel = follow
        logs = chosen.workspace_logs(workspace.id, _lines(tail), since, follow, cancel=cancel)
        if invocation.json:
            text = b"".join(logs).decode(errors="replace")
            print_json({"workspace": workspace.name, "text": text})
        else:
            _copy(logs)


def _lines(tail: str | None) -> int | None:
    if tail is None or tail == "all":
        return None
    if not tail.isdecimal():
        raise click.BadParameter(f"'{tail}' is not a number of lines.", param_hint="--tail")
    return int(tail)


def _copy(logs: Iterator[bytes]) -> None:
    out = sys.stdout.buffer
    try:
        for piece in logs:
            out.write(piece)
            out.flush()
    finally:
        close = getattr(logs, "close", None)
        if close is not None:
            close()
