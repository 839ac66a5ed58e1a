"""The command that a terminal in another process runs to be inside a workspace: for editors."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

from dvm_runtimes.options import AttachOptions
from dvm_runtimes.runtime import ContainerRuntime

CONNECTION_VARIABLES = (
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "CONTAINERD_ADDRESS",
    "COLIMA_HOME",
)
"""Variables with the keys and the places of an engine that its address alone does not have."""


class TerminalCommand(NamedTuple):
    """A program, its arguments, and the variables to add to its environment."""

    program: str
    args: list[str]
    env: dict[str, str]


def attach_command(
    runtime: ContainerRuntime, workspace: str, options: AttachOptions, environ: Mapping[str, str] = os.environ
) -> TerminalCommand:
    """``dvm attach`` for a workspace on exactly this engine, whatever the other process would choose itself.

    Args:
        runtime: the runtime of the workspace.
        workspace: the name of its container.
        options: the options of `ContainerRuntime.attach_to_workspace`.
        environ: the environment in which the engine was found.
    """
    args = ["-m", "dvm_runtimes.cli", "attach", "--runtime", runtime.selector]
    if options.shell is not None:
        args += ["--shell", os.fspath(options.shell)]
    if not options.login_shell:
        args.append("--no-login")
    if options.working_dir is not None:
        args += ["--workdir", options.working_dir]
    if options.uid is not None:
        args += ["--user", f"{options.uid}" if options.gid is None else f"{options.uid}:{options.gid}"]
    # Names only: every user of this machine can read argument lists.
    for name in options.env:
        args += ["--env", name]
    args += [workspace, *(["--", *options.command] if options.command else [])]
    env = {name: environ[name] for name in CONNECTION_VARIABLES if name in environ}
    return TerminalCommand(sys.executable, args, {**env, **options.env})
