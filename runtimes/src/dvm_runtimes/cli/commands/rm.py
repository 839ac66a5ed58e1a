"""``dvm rm``: remove workspaces."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from dvm_runtimes.cli.arguments import json_option, limits, names_argument, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_runtimes.operation import CancelToken
    from dvm_runtimes.runtime import ContainerRuntime


@click.command("rm")
@names_argument
@click.option("-f", "--force", is_flag=True, help="Also those that run.")
@click.option("--volumes", is_flag=True, help="With their anonymous volumes; named ones always stay.")
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
    """Remove workspaces, and the files that are only in them."""
    from dvm_runtimes.cli.several import act_on_each
    from dvm_runtimes.infos import WorkspaceStatus

    def remove(chosen: ContainerRuntime, workspace: WorkspaceInfo, cancel: CancelToken) -> WorkspaceInfo:
        chosen.remove_workspace(workspace.id, force, volumes, cancel=cancel, **limits(timeout))
        return dataclasses.replace(workspace, status=WorkspaceStatus.NOT_FOUND, ports={})

    act_on_each(invocation, runtime, names, remove, "is removed")
