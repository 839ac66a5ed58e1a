"""``dvm.workspace.attach``: the program that an editor's own terminal runs to be inside a workspace."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvm_runtimes.cli.attach_command import TerminalCommand, attach_command
from dvm_runtimes.errors import WorkspaceNotRunningError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.options import AttachOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_server.arguments import Arguments

from .call import Call
from .targets import Target

_MEMBERS = ("shell", "loginShell", "env", "uid", "gid", "workingDir", "command")


@dataclass(frozen=True, slots=True)
class AttachRequest:
    """The argument of ``attach``."""

    target: Target
    options: AttachOptions

    @classmethod
    def parse(cls, arguments: Arguments) -> AttachRequest:
        """Take the members."""
        return cls(Target.parse(arguments), arguments.some(AttachOptions, _MEMBERS))


def attach_plan(call: Call, request: AttachRequest) -> dict[str, Any]:
    """Program, arguments, environment and folder of the terminal; the workspace must be running."""
    options, folder = request.options, request.target.folder
    with call.runtime() as runtime:
        info = call.resolve(request.target, runtime)
        if info.status is not WorkspaceStatus.RUNNING:
            raise WorkspaceNotRunningError(
                f"workspace {info.name!r} is not running: it is {info.status}",
                hint="dvm.workspace.start starts it.",
                platform=runtime.platform_name,
                operation="attach_to_workspace",
            )
        if runtime.in_this_process:
            args = ["-m", "dvm_server.relay", _relay_socket(runtime, info.id, options)]
            terminal = TerminalCommand(sys.executable, args, dict(options.env))
        else:
            terminal = attach_command(runtime, info.name, options)
    cwd = folder if folder is not None and Path(folder).is_dir() else str(Path.home())
    return {**terminal._asdict(), "cwd": cwd}


def _relay_socket(runtime: ContainerRuntime, container: str, options: AttachOptions) -> str:
    """The socket of a relay to a shell, for an engine that lives in this process."""
    from dvm_server.relay.host import offer

    return offer(runtime, container, options)
