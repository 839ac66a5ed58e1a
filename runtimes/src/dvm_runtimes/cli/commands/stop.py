"""``dvm stop``: stop workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.arguments import duration, json_option, limits, names_argument, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_runtimes.operation import CancelToken
    from dvm_runtimes.runtime import ContainerRuntime


@click.command("stop")
@names_argument
@click.option("--all", "every", is_flag=True, help="Every workspace that runs.")
@click.option("--grace", type=duration, default="10", metavar="TIME", show_default="10", help="Before it is killed.")
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    names: tuple[str, ...],
    every: bool,
    grace: float,
    timeout: float | None,
    runtime: str | None,
) -> None:
    """Ask workspaces to end, and kill those that have not after the grace. A stopped one is no error."""
    from dvm_runtimes.cli.several import act_on_each, act_on_running

    if every and names:
        raise click.UsageError("Name workspaces, or give --all.")

    def stop(chosen: ContainerRuntime, workspace: WorkspaceInfo, cancel: CancelToken) -> WorkspaceInfo:
        chosen.stop_workspace(workspace.id, grace, cancel=cancel, **limits(timeout))
        return chosen.find_workspace(workspace.id, cancel=cancel) or workspace

    if every:
        act_on_running(invocation, runtime, stop, "is stopped")
    else:
        act_on_each(invocation, runtime, names, stop, "is stopped")
