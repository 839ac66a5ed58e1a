"""``dvm gc``: remove what dead owners left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.arguments import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.cli.leftovers import Leftover
    from dvm_runtimes.errors import DvmError
    from dvm_runtimes.operation import CancelToken
    from dvm_runtimes.runtime import ContainerRuntime

_WHY = {"expired": "its time has passed", "owner_gone": "its owner is gone"}
_AT_ONCE = 8


@click.command("gc")
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would be removed.")
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, dry_run: bool, runtime: str | None) -> None:
    """Remove workspaces whose time has passed or whose owner is gone.

    A workspace has a time if it was started with a ttl (`dvm up --ttl`), and
    an owner if it was started for a process (`dvm up --owner-pid`, a test
    run). Owners on other machines and in other containers are never judged.
    `--runtime all` looks on every engine that answers.
    """
    from dvm_runtimes.cleanup.ledger import sweep
    from dvm_runtimes.cli import leftovers
    from dvm_runtimes.cli.engines import on_each
    from dvm_runtimes.cli.failures import SeveralFailedError
    from dvm_runtimes.errors import WorkspaceNotFoundError

    def clean(chosen: ContainerRuntime, cancel: CancelToken) -> list[tuple[Leftover, DvmError | None]]:
        found = leftovers.find(chosen, cancel)
        if dry_run:
            return [(leftover, None) for leftover in found]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dvm-gc") as pool:
            errors = list(pool.map(lambda leftover: _remove(chosen, leftover, cancel), found))
        return list(zip(found, errors, strict=True))

    results = on_each(invocation, runtime, clean)
    if not dry_run:
        # Networks and images of test runs, which no list of workspaces shows.
        sweep()
    # Somebody else's clean-up at the same time has the same right to it.
    results = [(leftover, None if isinstance(error, WorkspaceNotFoundError) else error) for leftover, error in results]
    failed = {leftover.workspace.name: error for leftover, error in results if error is not None}
    done = [leftover for leftover, error in results if error is None]
    if not (invocation.json and failed):
        _print(invocation, done, dry_run=dry_run)
    if failed:
        raise SeveralFailedError(failed, [leftover.workspace for leftover in done])


def _remove(runtime: ContainerRuntime, leftover: Leftover, cancel: CancelToken) -> DvmError | None:
    from dvm_runtimes.errors import DvmError

    try:
        # By ID: a new workspace that took the name meanwhile is not meant.
        runtime.remove_workspace(leftover.workspace.id, force=True, volumes=True, cancel=cancel)
    except DvmError as error:
        return error
    return None


def _print(invocation: Invocation, done: list[Leftover], *, dry_run: bool) -> None:
    from dvm_runtimes.cli.output import print_done, print_json, print_rows
    from dvm_runtimes.cli.streams import is_terminal

    if invocation.json:
        found = [{"reason": one.reason, "workspace": one.workspace.to_dict()} for one in done]
        print_json({"dry_run": dry_run, "leftovers": found})
    elif not is_terminal("stdout"):
        print_rows((), [(one.workspace.name, one.reason, one.workspace.runtime, one.workspace.id) for one in done])
    elif not done:
        click.echo("Nothing was left behind.", err=True)
    else:
        for one in done:
            why = _WHY.get(one.reason, one.reason)
            print_done(one.workspace.name, f"would be removed: {why}" if dry_run else f"is removed: {why}")
