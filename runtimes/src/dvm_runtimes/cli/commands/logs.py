"""``dvm logs``: show the output of a workspace."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from dvm_runtimes.cli.common_options import json_option, name_argument, runtime_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import moment


@click.command("logs")
@name_argument
@click.option("-f", "--follow", is_flag=True, help="Follow the output until the workspace ends.")
@click.option("-n", "--tail", metavar="LINES", help="Number of lines from the end.  [default: all]")
@click.option("--since", type=moment, metavar="TIME", help="Only newer output: 10m, or 2026-01-31T12:00:00Z.")
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation, name: str | None, follow: bool, tail: str | None, since: float | None, runtime: str | None
) -> None:
    """Show the output of the main process of workspace NAME."""
    from dvm_runtimes.cli.output import print_json
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.cli.target import find_target

    if invocation.json and follow:
        raise click.UsageError("--json and --follow exclude each other.")
    with open_runtime(invocation, runtime) as (chosen, cancel):
        workspace = find_target(name, chosen, cancel)
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
