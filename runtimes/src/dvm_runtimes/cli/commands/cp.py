"""``dvm cp``: copy files into or out of a workspace."""

from __future__ import annotations

import os
import re

import click

from dvm_runtimes.cli.arguments import json_option, limits, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation


@click.command("cp")
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="DESTINATION")
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, source: str, destination: str, timeout: float | None, runtime: str | None) -> None:
    """Copy a file or folder, into a workspace or out of it; one side is NAME:PATH.

    As `cp -a`: into DESTINATION if that is a folder, else to that very name;
    owner and mode are kept. An empty NAME is the active workspace. A path of
    this machine with a colon is written with its folder: ./a:b

    \b
      dvm cp report.html dev:/tmp
      dvm cp dev:/workspace/dist ./dist
    """
    from dvm_runtimes.cli import targets
    from dvm_runtimes.cli.engines import engine
    from dvm_runtimes.cli.output import print_done, print_json

    if "-" in (source, destination):
        raise click.UsageError(
            "A tar stream is not copied; use `dvm exec NAME -- tar ...`, which reads and writes one."
        )
    inside_source, inside_destination = split(source), split(destination)
    if (inside_source is None) == (inside_destination is None):
        raise click.UsageError("One of SOURCE and DESTINATION is NAME:PATH, the other a path of this machine.")
    with engine(invocation, runtime) as (chosen, cancel):
        if inside_destination is not None:
            workspace = targets.find(inside_destination[0] or None, chosen, cancel).name
            chosen.copy_to_workspace(workspace, source, inside_destination[1], cancel=cancel, **limits(timeout))
            result = f"{workspace}:{inside_destination[1]}"
        else:
            assert inside_source is not None
            workspace = targets.find(inside_source[0] or None, chosen, cancel).name
            copied = chosen.copy_from_workspace(
                workspace, inside_source[1], destination, cancel=cancel, **limits(timeout)
            )
            result = os.fspath(copied)
    if invocation.json:
        print_json({"workspace": workspace, "source": source, "destination": result})
    else:
        print_done(result, f"copied from {source}")


def split(argument: str) -> tuple[str, str] | None:
    """``NAME:PATH`` as its two parts; None for a path of this machine.

    >>> split("dev:/tmp"), split("./a:b"), split("notes.txt")
    (('dev', '/tmp'), None, None)
    """
    if argument.startswith(("/", ".", "~")) or ":" not in argument:
        return None
    if os.name == "nt" and re.match(r"[A-Za-z]:[\\/]", argument):
        return None  # a drive; elsewhere a workspace may have a name of one letter
    name, _, path = argument.partition(":")
    return name, path
