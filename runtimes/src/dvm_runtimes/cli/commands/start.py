"""``dvm start``: start stopped workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.common_options import json_option, limits, names_argument, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_runtimes.operation import CancelToken
    from dvm_runtimes.runtime import ContainerRuntime


@click.command("start")
@names_argument
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, names: tuple[str, ...], timeout: float | None, runtime: str | None) -> None:
    """Start stopped workspaces with the options they were created with, and resume paused ones."""
    from dvm_runtimes.cli.batch import run_on_each

    def start(chosen: ContainerRuntime, workspace: WorkspaceInfo, cancel: CancelToken) -> WorkspaceInfo:
        return chosen.start_existing_workspace(workspace.id, cancel=cancel, **limits(timeout))

    run_on_each(invocation, runtime, names, start, "is running")
