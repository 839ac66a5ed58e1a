"""``dvm ls``: list workspaces."""

from __future__ import annotations

import time

import click

from dvm_runtimes.cli.common_options import json_option, runtime_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import pairs
from dvm_runtimes.infos import WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime


@click.command("ls")
@click.option("--running", is_flag=True, help="Only running workspaces.")
@click.option("--app", metavar="TEXT", help="Only workspaces of this app.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only workspaces with this label.")
@click.option("-q", "--quiet", is_flag=True, help="Write names only.")
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation, running: bool, app: str | None, labels: tuple[str, ...], quiet: bool, runtime: str | None
) -> None:
    """List workspaces, including stopped ones.

    `--runtime all` lists those of every engine that answers. In a pipe, each
    line has seven fields: name, status, image, ports, runtime, creation time
    and ID.
    """
    from dvm_runtimes.cli.formatting import ago, timestamp
    from dvm_runtimes.cli.output import print_json, print_line, print_rows
    from dvm_runtimes.cli.runtimes import query_runtimes
    from dvm_runtimes.cli.standard_streams import is_terminal
    from dvm_runtimes.validation.naming import APP

    filters = pairs(labels, "labels") | ({APP: app} if app is not None else {})

    def ask(chosen: ContainerRuntime, cancel: CancelToken) -> list[WorkspaceInfo]:
        return chosen.list_workspaces(filters, cancel=cancel)

    # Two sockets may belong to one engine.
    found = list({one.id: one for one in query_runtimes(invocation, runtime, ask)}.values())
    if running:
        found = [one for one in found if one.status is WorkspaceStatus.RUNNING]
    found.sort(key=lambda one: (one.name, one.runtime))
    if invocation.json:
        print_json([one.to_dict() for one in found])
    elif quiet:
        for one in found:
            print_line(one.name)
    elif is_terminal("stdout"):
        now = time.time()
        print_rows(
            ("NAME", "STATUS", "IMAGE", "PORTS", "RUNTIME", "CREATED"),
            [(one.name, _state(one), one.image, ports(one), one.runtime, ago(one.created, now)) for one in found],
            empty="No workspaces. `dvm up --image IMAGE` starts one.",
            status=1,
        )
    else:
        print_rows(
            (),
            [
                (one.name, str(one.status), one.image, ports(one), one.runtime, timestamp(one.created), one.id)
                for one in found
            ],
        )


def _state(workspace: WorkspaceInfo) -> str:
    if workspace.status is WorkspaceStatus.EXITED and workspace.exit_code is not None:
        return f"{workspace.status} ({workspace.exit_code})"
    return str(workspace.status)


def ports(workspace: WorkspaceInfo) -> str:
    """The published ports, as in ``127.0.0.1:8080->80/tcp``."""
    return ", ".join(
        f"{f'[{at.host}]' if ':' in at.host else at.host}:{at.port}->{port}"
        for port, at in sorted(workspace.ports.items())
    )
