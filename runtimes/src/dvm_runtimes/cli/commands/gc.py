"""``dvm gc``: remove expired and abandoned workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.common_options import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.cli.stale_workspaces import StaleWorkspace
    from dvm_runtimes.errors import DvmError
    from dvm_runtimes.operation import CancelToken
    from dvm_runtimes.runtime import ContainerRuntime

_REASONS = {"expired": "it has expired", "owner_gone": "its owner is gone"}
_AT_ONCE = 8


@click.command("gc")
@click.option("-n", "--dry-run", is_flag=True, help="List what would be removed.")
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, dry_run: bool, runtime: str | None) -> None:
    """Remove workspaces that have expired or whose owner is gone.

    A workspace expires if it was started with `dvm up --ttl`. It has an owner
    if it was started with `dvm up --owner-pid` or by a test run. Workspaces
    owned by processes on other machines or in other containers are kept.
    `--runtime all` covers every engine that answers.
    """
    from dvm_runtimes.cleanup.ledger import sweep
    from dvm_runtimes.cli.error_report import BatchError
    from dvm_runtimes.cli.runtimes import query_runtimes
    from dvm_runtimes.cli.stale_workspaces import find_stale
    from dvm_runtimes.errors import WorkspaceNotFoundError

    def clean(chosen: ContainerRuntime, cancel: CancelToken) -> list[tuple[StaleWorkspace, DvmError | None]]:
        found = find_stale(chosen, cancel)
        if dry_run:
            return [(leftover, None) for leftover in found]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dvm-gc") as pool:
            errors = list(pool.map(lambda leftover: _remove(chosen, leftover, cancel), found))
        return list(zip(found, errors, strict=True))

    results = query_runtimes(invocation, runtime, clean)
    if not dry_run:
        # Networks and images of test runs are in no list of workspaces.
        sweep()
    # Another process may have removed it at the same time.
    results = [(leftover, None if isinstance(error, WorkspaceNotFoundError) else error) for leftover, error in results]
    failed = {leftover.workspace.name: error for leftover, error in results if error is not None}
    done = [leftover for leftover, error in results if error is None]
    if not (invocation.json and failed):
        _print(invocation, done, dry_run=dry_run)
    if failed:
        raise BatchError(failed, [leftover.workspace for leftover in done])


def _remove(runtime: ContainerRuntime, leftover: StaleWorkspace, cancel: CancelToken) -> DvmError | None:
    from dvm_runtimes.errors import DvmError

    try:
        # By ID: a new workspace may have taken the name.
        runtime.remove_workspace(leftover.workspace.id, force=True, volumes=True, cancel=cancel)
    except DvmError as error:
        return error
    return None


def _print(invocation: Invocation, done: list[StaleWorkspace], *, dry_run: bool) -> None:
    from dvm_runtimes.cli.output import print_done, print_json, print_rows
    from dvm_runtimes.cli.standard_streams import is_terminal

    if invocation.json:
        found = [{"reason": one.reason, "workspace": one.workspace.to_dict()} for one in done]
        print_json({"dry_run": dry_run, "leftovers": found})
    elif not is_terminal("stdout"):
        print_rows((), [(one.workspace.name, one.reason, one.workspace.runtime, one.workspace.id) for one in done])
    elif not done:
        click.echo("Nothing to remove.", err=True)
    else:
        for one in done:
            reason = _REASONS.get(one.reason, one.reason)
            print_done(one.workspace.name, f"would be removed: {reason}" if dry_run else f"is removed: {reason}")
