"""``dvm rm``: remove workspaces."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.common_options import json_option, limits, names_argument, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_runtimes.operation import CancelToken
    from dvm_runtimes.runtime import ContainerRuntime


@click.command("rm")
@names_argument
@click.option("-f", "--force", is_flag=True, help="Remove running workspaces too.")
@click.option("--volumes", is_flag=True, help="Remove their anonymous volumes; named volumes are kept.")
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    names: tuple[str, ...],
    force: bool,
    volumes: bool,
    timeout: float | None,
    runtime: str | None,
) -> None:
    """Remove workspaces and the files in them. Mounted folders and named volumes are kept."""
    from dvm_runtimes.cli.batch import run_on_each
    from dvm_runtimes.infos import WorkspaceStatus

    def remove(chosen: ContainerRuntime, workspace: WorkspaceInfo, cancel: CancelToken) -> WorkspaceInfo:
        chosen.remove_workspace(workspace.id, force, volumes, cancel=cancel, **limits(timeout))
        return dataclasses.replace(workspace, status=WorkspaceStatus.NOT_FOUND, ports={})

    run_on_each(invocation, runtime, names, remove, "is removed")
