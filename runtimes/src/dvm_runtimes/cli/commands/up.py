"""``dvm up``: create and start a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dvm_runtimes.cli import option_values
from dvm_runtimes.cli.common_options import json_option, limits, name_argument, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import duration, environment, pairs
from dvm_runtimes.cli.trailing_argv import TrailingArgv
from dvm_runtimes.errors import InvalidOptionError


@click.command("up", cls=TrailingArgv)
@name_argument
@click.option("--image", "image_name", required=True, metavar="IMAGE", help="Image, such as debian:12.")
@click.option("--app", "app_path", metavar="PATH", help="Folder to mount at the working directory.")
@click.option("--app-name", metavar="TEXT", help="App.  [default: the active one]")
@click.option("--container-name", default="", metavar="NAME", help="Container name.  [default: from app and workspace]")
@click.option("--ecosystem", "ecosystem_name", default="", hidden=True)
@click.option("--domain", "domain_name", default="", hidden=True)
@click.option("--system", "system_name", default="", hidden=True)
@click.option(
    "-w", "--workdir", "working_dir", default="/workspace", metavar="PATH", show_default=True, help="Working directory."
)
@click.option("-e", "--env", multiple=True, metavar="KEY[=VALUE]", help="Set a variable; KEY alone passes yours on.")
@click.option("--env-file", metavar="FILE", help="File of KEY=VALUE lines.")
@click.option("--mount", "mounts", multiple=True, metavar="SPEC", help="Mount, such as type=bind,src=PATH,dst=PATH,ro.")
@click.option("-v", "--volume", "volumes", multiple=True, metavar="SRC:DST[:ro]", help="Short form of --mount.")
@click.option("-p", "--publish", "ports", multiple=True, metavar="[[IP:]HOST:]PORT", help="Publish a port.")
@click.option("--network", "network_mode", default="", metavar="MODE", help="bridge, none, host or a network's name.")
@click.option("--add-host", "extra_hosts", multiple=True, metavar="HOST:ADDRESS", help="Add a line to /etc/hosts.")
@click.option("--memory", metavar="SIZE", help="Memory limit, such as 512m or 2g.")
@click.option("--shm-size", metavar="SIZE", help="Size of /dev/shm.")
@click.option("--cpus", type=float, metavar="NUMBER", help="CPU limit, such as 1.5.")
@click.option("--pids-limit", type=int, default=4096, metavar="N", show_default=True, help="Process limit; 0 for none.")
@click.option("--uid", type=int, metavar="NUMBER", help="User ID.  [default: yours; 1000 if the engine runs in a VM]")
@click.option("--gid", type=int, metavar="NUMBER", help="Group ID.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Add a label.")
@click.option(
    "--pull",
    type=click.Choice(["missing", "always", "never"]),
    default="missing",
    show_default=True,
    help="When to pull the image.",
)
@click.option(
    "--on-drift",
    type=click.Choice(["recreate", "reuse", "error"]),
    default="recreate",
    show_default=True,
    help="If it exists with another image or other options.",
)
@click.option(
    "--ready", metavar="WAIT", help="Wait for log:PATTERN, tcp:PORT, http:PORT/PATH, command:ARGV or healthy."
)
@click.option("--cmd", "command", metavar="ARGV", help="Main process.  [default: one that keeps it alive]")
@click.option("--entrypoint", metavar="ARGV", help="Entrypoint.  [default: the image's]")
@click.option("--platform", default="", metavar="OS/ARCH", help="Platform, such as linux/arm64.")
@click.option("--ssh-agent", "ssh_agent_forwarding", is_flag=True, help="Forward your SSH agent.")
@click.option("--git-credentials", is_flag=True, help="Mount your git configuration, read-only.")
@click.option("--allow-home", is_flag=True, help="Allow to mount your home folder, with the keys in it.")
@click.option("--read-only", "read_only_root", is_flag=True, help="Read-only root file system.")
@click.option("--cap-add", multiple=True, metavar="NAME", help="Add a Linux capability.")
@click.option("--security-opt", multiple=True, metavar="OPTION", help="Security option, such as seccomp=unconfined.")
@click.option("--privileged", is_flag=True, help="Disable all restrictions.")
@click.option("--ttl", type=duration, metavar="TIME", help="Let `dvm gc` remove it after this time.")
@click.option(
    "--owner-pid", "owner", type=int, metavar="PID", help="Let `dvm gc` remove it after this process has ended."
)
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation, /, name: str | None, runtime: str | None, timeout: float | None, **given: Any
) -> None:
    """Create and start workspace NAME, and wait until it is ready. Does nothing if it runs already.

    NAME defaults to the active workspace, else to the workspace of the
    current folder. The workspace runs until `dvm stop` or `dvm rm`. Arguments after
    `--` are its main process.

    \b
      dvm up --image debian:12 --app .
      dvm up db --image postgres:17 -p 5432 -e POSTGRES_PASSWORD --ready 'log:ready to accept'
    """
    from dvm_runtimes.cli.output import print_done, print_json
    from dvm_runtimes.cli.progress import showing
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.options import StartOptions

    identity = _identity(name, given.pop("app_name"))
    options = StartOptions(**identity, **_fields(given))
    with open_runtime(invocation, runtime) as (chosen, cancel):
        with showing(invocation) as report:
            workspace = chosen.ensure_workspace(options, report, cancel=cancel, **limits(timeout))
        lives_on = bool(chosen.removal())
    if invocation.json:
        print_json(workspace.to_dict())
    else:
        print_done(workspace.name, f"is running on {chosen.platform_name}")
    if not lives_on:
        from dvm_runtimes.cli.error_report import warn
        from dvm_runtimes.errors import DvmError

        gone = DvmError(
            f"{chosen.platform_name} keeps workspaces in the memory of this process: {workspace.name} ends with it",
            hint="Use another --runtime for a workspace that stays.",
            platform=chosen.platform_name,
            operation="start_workspace",
        )
        warn(gone, invocation)


def _identity(name: str | None, app_name: str | None) -> dict[str, Any]:
    """The names of workspace and app: given, else of the context, else of the folder."""
    from dvm_runtimes.user.context import load_context

    context = load_context()
    app = {"app_name": context.app if app_name is None else app_name}
    workspace = name if name is not None else context.workspace
    return {"workspace_name": workspace, **app} if workspace else {"folder": Path.cwd(), **app}


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the command as fields of `StartOptions`."""
    main = _main_process(given.pop("command"), given.pop("argv"))
    entrypoint, owner, ready = given.pop("entrypoint"), given.pop("owner"), given.pop("ready")
    app_path, env_file = given.pop("app_path"), given.pop("env_file")
    return {
        "app_path": None if app_path is None else option_values.local_path(app_path, "app_path"),
        "env": environment(given.pop("env")),
        "env_file": None if env_file is None else option_values.local_path(env_file, "env_file"),
        "mounts": [*map(option_values.mount, given.pop("mounts")), *map(option_values.volume, given.pop("volumes"))],
        "ports": [option_values.port(text) for text in given.pop("ports")],
        "extra_hosts": pairs(given.pop("extra_hosts"), "extra_hosts", ":"),
        "labels": pairs(given.pop("labels"), "labels"),
        "pids_limit": given.pop("pids_limit") or None,
        "command": main,
        "entrypoint": None if entrypoint is None else option_values.argv(entrypoint, "entrypoint"),
        "ready": None if ready is None else option_values.ready(ready),
        "owner": "" if owner is None else _owner(owner),
        **given,
    }


def _main_process(text: str | None, argv: tuple[str, ...]) -> list[str] | None:
    if text is not None and argv:
        raise click.UsageError("Give the main process by --cmd or after `--`, not both.")
    if argv:
        return list(argv)
    return None if text is None else option_values.argv(text, "command")


def _owner(pid: int) -> str:
    from dvm_runtimes.cleanup.ownership import owner_of

    try:
        return owner_of(pid)
    except ProcessLookupError:
        raise InvalidOptionError("owner", pid, "there is no such process") from None
