"""``dvm cp``: copy files between a workspace and this machine."""

from __future__ import annotations

import os
import re

import click

from dvm_runtimes.cli.common_options import json_option, limits, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation


@click.command("cp")
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="DESTINATION")
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, source: str, destination: str, timeout: float | None, runtime: str | None) -> None:
    """Copy a file or folder between a workspace and this machine; one side is NAME:PATH.

    Like `cp -a`: copies into DESTINATION if that is a folder, else to that
    name, and keeps owner and mode. An empty NAME is the active workspace.
    Write ./a:b for a path of this machine that contains a colon.

    \b
      dvm cp report.html dev:/tmp
      dvm cp dev:/workspace/dist ./dist
    """
    from dvm_runtimes.cli.output import print_done, print_json
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.cli.target import find_target

    if "-" in (source, destination):
        raise click.UsageError("'-' is not supported; for a tar stream use `dvm exec NAME -- tar ...`.")
    inside_source, inside_destination = split(source), split(destination)
    if (inside_source is None) == (inside_destination is None):
        raise click.UsageError("Either SOURCE or DESTINATION must be NAME:PATH, the other a path of this machine.")
    with open_runtime(invocation, runtime) as (chosen, cancel):
        if inside_destination is not None:
            workspace = find_target(inside_destination[0] or None, chosen, cancel).name
            chosen.copy_to_workspace(workspace, source, inside_destination[1], cancel=cancel, **limits(timeout))
            result = f"{workspace}:{inside_destination[1]}"
        else:
            assert inside_source is not None
            workspace = find_target(inside_source[0] or None, chosen, cancel).name
            copied = chosen.copy_from_workspace(
                workspace, inside_source[1], destination, cancel=cancel, **limits(timeout)
            )
            result = os.fspath(copied)
    if invocation.json:
        print_json({"workspace": workspace, "source": source, "destination": result})
    else:
        print_done(result, f"copied from {source}")


def split(argument: str) -> tuple[str, str] | None:
    """Split ``NAME:PATH``; None for a path of this machine.

    >>> split("dev:/tmp"), split("./a:b"), split("notes.txt")
    (('dev', '/tmp'), None, None)
    """
    if argument.startswith(("/", ".", "~")) or ":" not in argument:
        return None
    if os.name == "nt" and re.match(r"[A-Za-z]:[\\/]", argument):
        return None  # a drive letter
    name, _, path = argument.partition(":")
    return name, path
