"""``dvm status``: show a workspace."""

from __future__ import annotations

import click

from dvm_runtimes.cli.common_options import json_option, name_argument, runtime_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.validation.naming import PREFIX


@click.command("status")
@name_argument
@runtime_option
@json_option
@click.pass_obj
def command(invocation: Invocation, name: str | None, runtime: str | None) -> None:
    """Show a workspace, given by its name, container name, ID or a unique prefix of its ID.

    In a pipe, each line is a name, a tab and a value.
    """
    from dvm_runtimes.cli.output import print_facts, print_json
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.cli.target import find_target

    with open_runtime(invocation, runtime) as (chosen, cancel):
        workspace = find_target(name, chosen, cancel)
    if invocation.json:
        print_json(workspace.to_dict())
    else:
        print_facts(_facts(workspace))


def _facts(workspace: WorkspaceInfo) -> list[tuple[str, str]]:
    from dvm_runtimes.cli.formatting import timestamp

    from .ls import ports

    facts = [
        ("name", workspace.name),
        ("status", str(workspace.status)),
        ("exit_code", "" if workspace.exit_code is None else str(workspace.exit_code)),
        ("image", workspace.image),
        ("id", workspace.id),
        ("runtime", workspace.runtime),
        ("app", workspace.app),
        ("workspace", workspace.workspace),
        ("ecosystem", workspace.ecosystem),
        ("domain", workspace.domain),
        ("system", workspace.system),
        ("ports", ports(workspace)),
        ("created", timestamp(workspace.created)),
        ("started", timestamp(workspace.started)),
    ]
    own = sorted((key, value) for key, value in workspace.labels.items() if not key.startswith(PREFIX))
    return [fact for fact in facts if fact[1]] + [("label", f"{key}={value}") for key, value in own]
