"""``dvm restart``: restart workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.common_options import json_option, limits, names_argument, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import duration

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_runtimes.operation import CancelToken
    from dvm_runtimes.runtime import ContainerRuntime


@click.command("restart")
@names_argument
@click.option(
    "--grace", type=duration, default="10", metavar="TIME", show_default="10", help="Time before it is killed."
)
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation, names: tuple[str, ...], grace: float, timeout: float | None, runtime: str | None
) -> None:
    """Stop workspaces and start them again with the same options. Their files are kept."""
    from dvm_runtimes.cli.batch import run_on_each

    def restart(chosen: ContainerRuntime, workspace: WorkspaceInfo, cancel: CancelToken) -> WorkspaceInfo:
        chosen.stop_workspace(workspace.id, grace, cancel=cancel, **limits(timeout))
        return chosen.start_existing_workspace(workspace.id, cancel=cancel, **limits(timeout))

    run_on_each(invocation, runtime, names, restart, "is running again")
