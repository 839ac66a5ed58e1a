"""``dvm up``: start a workspace, or find it running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dvm_runtimes.cli import specs
from dvm_runtimes.cli.arguments import (
    duration,
    environment,
    json_option,
    limits,
    name_argument,
    pairs,
    runtime_option,
    timeout_option,
)
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.trailing_argv import TrailingArgv
from dvm_runtimes.errors import InvalidOptionError


@click.command("up", cls=TrailingArgv)
@name_argument
@click.option("--image", "image_name", required=True, metavar="IMAGE", help="The image, such as debian:12.")
@click.option("--app", "app_path", metavar="PATH", help="A folder of this machine, mounted at the working directory.")
@click.option("--app-name", metavar="TEXT", help="The app it belongs to.  [default: that of the context]")
@click.option("--container-name", default="", metavar="NAME", help="Instead of the name made from app and workspace.")
@click.option("--ecosystem", "ecosystem_name", default="", hidden=True)
@click.option("--domain", "domain_name", default="", hidden=True)
@click.option("--system", "system_name", default="", hidden=True)
@click.option("-w", "--workdir", "working_dir", default="/workspace", metavar="PATH", show_default=True)
@click.option("-e", "--env", multiple=True, metavar="KEY[=VALUE]", help="Set a variable, or pass on this shell's own.")
@click.option("--env-file", metavar="FILE", help="A file of KEY=VALUE lines.")
@click.option("--mount", "mounts", multiple=True, metavar="SPEC", help="type=bind,src=PATH,dst=PATH[,ro], or a volume.")
@click.option("-v", "--volume", "volumes", multiple=True, metavar="SRC:DST[:ro]", help="The same, shorter.")
@click.option("-p", "--publish", "ports", multiple=True, metavar="[[IP:]HOST:]PORT", help="Publish a port.")
@click.option("--network", "network_mode", default="", metavar="MODE", help="bridge, none, host or a network's name.")
@click.option("--add-host", "extra_hosts", multiple=True, metavar="HOST:ADDRESS", help="A line for /etc/hosts.")
@click.option("--memory", metavar="SIZE", help="A limit such as 512m or 2g.")
@click.option("--shm-size", metavar="SIZE", help="The size of /dev/shm.")
@click.option("--cpus", type=float, metavar="NUMBER", help="A share such as 1.5.")
@click.option("--pids-limit", type=int, default=4096, metavar="NUMBER", show_default=True, help="0 for no limit.")
@click.option("--uid", type=int, metavar="NUMBER", help="The user; by default yours, or 1000 where the engine is a VM.")
@click.option("--gid", type=int, metavar="NUMBER")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE")
@click.option("--pull", type=click.Choice(["missing", "always", "never"]), default="missing", show_default=True)
@click.option(
    "--on-drift",
    type=click.Choice(["recreate", "reuse", "error"]),
    default="recreate",
    show_default=True,
    help="When it exists with another image or other options.",
)
@click.option(
    "--ready", metavar="WAIT", help="Wait for log:PATTERN, tcp:PORT, http:PORT/PATH, command:ARGV or healthy."
)
@click.option("--cmd", "command", metavar="ARGV", help="The main process.  [default: one that keeps it alive]")
@click.option("--entrypoint", metavar="ARGV", help="Instead of the image's.")
@click.option("--platform", default="", metavar="OS/ARCH", help="Such as linux/arm64.")
@click.option("--ssh-agent", "ssh_agent_forwarding", is_flag=True, help="Let it use your SSH agent; keys stay outside.")
@click.option("--git-credentials", is_flag=True, help="Give it your git configuration, read-only.")
@click.option("--read-only", "read_only_root", is_flag=True, help="Its root file system cannot be written.")
@click.option("--cap-add", multiple=True, metavar="NAME", help="A Linux capability besides the default few.")
@click.option("--security-opt", multiple=True, metavar="OPTION")
@click.option("--privileged", is_flag=True, help="Lift every restriction.")
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
    """Start workspace NAME, or find it running, and wait until it is ready.

    NAME is the active workspace of the context, or the current folder's name.
    The workspace keeps running until `dvm stop` or `dvm rm`. Words after `--`
    are its main process.

    \b
      dvm up --image debian:12 --app .
      dvm up db --image postgres:17 -p 5432 -e POSTGRES_PASSWORD --ready 'log:ready to accept'
    """
    from dvm_runtimes.cli.engines import engine
    from dvm_runtimes.cli.output import print_done, print_json
    from dvm_runtimes.cli.progress import showing
    from dvm_runtimes.options import StartOptions

    identity = _identity(name, given.pop("app_name"))
    options = StartOptions(**identity, **_fields(given))
    with engine(invocation, runtime) as (chosen, cancel):
        with showing(invocation) as tell:
            workspace = chosen.ensure_workspace(options, tell, cancel=cancel, **limits(timeout))
        lives_on = bool(chosen.removal())
    if invocation.json:
        print_json(workspace.to_dict())
    else:
        print_done(workspace.name, f"is running on {chosen.platform_name}")
    if not lives_on:
        from dvm_runtimes.cli.failures import warn
        from dvm_runtimes.errors import DvmError

        gone = DvmError(
            f"{chosen.platform_name} lives in this command's memory: {workspace.name} ends with it",
            hint="Leave out --runtime for an engine whose workspaces stay.",
            platform=chosen.platform_name,
            operation="start_workspace",
        )
        warn(gone, invocation)


def _identity(name: str | None, app_name: str | None) -> dict[str, Any]:
    """The workspace's name and its app's: those given, else the context's, else the folder's."""
    from dvm_runtimes.user.context import load_context
    from dvm_runtimes.validation.naming import workspace_name_for

    context = load_context()
    workspace = name if name is not None else context.workspace or workspace_name_for(Path.cwd())
    return {"workspace_name": workspace, "app_name": context.app if app_name is None else app_name}


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """What was given on the command line, as the fields of `StartOptions`."""
    main = _main_process(given.pop("command"), given.pop("argv"))
    entrypoint, owner, ready = given.pop("entrypoint"), given.pop("owner"), given.pop("ready")
    app_path, env_file = given.pop("app_path"), given.pop("env_file")
    return {
        "app_path": None if app_path is None else specs.local_path(app_path),
        "env": environment(given.pop("env")),
        "env_file": None if env_file is None else specs.local_path(env_file),
        "mounts": [*map(specs.mount, given.pop("mounts")), *map(specs.volume, given.pop("volumes"))],
        "ports": [specs.port(text) for text in given.pop("ports")],
        "extra_hosts": pairs(given.pop("extra_hosts"), "extra_hosts", ":"),
        "labels": pairs(given.pop("labels"), "labels"),
        "pids_limit": given.pop("pids_limit") or None,
        "command": main,
        "entrypoint": None if entrypoint is None else specs.argv(entrypoint, "entrypoint"),
        "ready": None if ready is None else specs.ready(ready),
        "owner": "" if owner is None else _owner(owner),
        **given,
    }


def _main_process(text: str | None, argv: tuple[str, ...]) -> list[str] | None:
    if text is not None and argv:
        raise click.UsageError("The main process is given twice: by --cmd and after `--`.")
    if argv:
        return list(argv)
    return None if text is None else specs.argv(text, "command")


def _owner(pid: int) -> str:
    from dvm_runtimes.cleanup.ownership import owner_of

    try:
        return owner_of(pid)
    except ProcessLookupError:
        raise InvalidOptionError("owner", pid, "there is no such process") from None
