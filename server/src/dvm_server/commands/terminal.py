"""``dvm.workspace.attach``: what an editor's own terminal runs to be inside a workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_runtimes.options import AttachOptions
    from dvm_runtimes.runtime import ContainerRuntime
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.workspace.attach")
    @server.thread()
    def attach(work: Work) -> dict[str, Any]:
        from dvm_runtimes.errors import WorkspaceNotFoundError, WorkspaceNotRunningError
        from dvm_runtimes.infos import WorkspaceStatus
        from dvm_runtimes.options import AttachOptions
        from dvm_runtimes.workspaces import lookup

        arguments = server.arguments(work.argument)
        members = ("shell", "loginShell", "env", "uid", "gid", "workingDir", "command")
        options = arguments.some(AttachOptions, members)
        with server.runtime(work) as runtime:
            reference = server.reference(arguments, runtime, work)
            folder = arguments.folder
            arguments.done()
            lookup.check_reference(reference)
            found = runtime.find_workspace(reference, cancel=work.cancel)
            facts = {"platform": runtime.platform_name, "operation": "attach_to_workspace"}
            if found is None:
                hint = "dvm.workspace.list has those there are."
                raise WorkspaceNotFoundError(f"no workspace {reference!r}", hint=hint, **facts)
            if found.status is not WorkspaceStatus.RUNNING:
                hint = "dvm.workspace.start starts it."
                problem = f"workspace {found.name!r} is not running: it is {found.status}"
                raise WorkspaceNotRunningError(problem, hint=hint, **facts)
            if runtime.in_this_process:
                words = ["-m", "dvm_server.relay", _relayed(runtime, found.id, options)]
            else:
                words = ["-m", "dvm_runtimes.cli", *_words(found.name, server.selection.selector, options)]
        return {
            "program": sys.executable,
            "args": words,
            "env": dict(options.env),
            "cwd": folder if folder is not None and Path(folder).is_dir() else str(Path.home()),
        }


def _relayed(runtime: ContainerRuntime, container: str, options: AttachOptions) -> str:
    from dvm_runtimes.errors import UnsupportedError
    from dvm_runtimes.workspaces.engine_runtime import EngineRuntime
    from dvm_server.relay.host import offer

    if not isinstance(runtime, EngineRuntime):
        raise UnsupportedError(
            f"{runtime.platform_name} lives in the server's own process, and no terminal reaches it there",
            hint="Choose another runtime with dvm.runtime.select.",
            platform=runtime.platform_name,
            operation="attach_to_workspace",
        )
    return offer(runtime, container, options)


def _words(name: str, selector: str, options: AttachOptions) -> list[str]:
    words = ["attach", "--runtime", selector]
    if options.shell is not None:
        words += ["--shell", options.shell]
    if not options.login_shell:
        words.append("--no-login")
    if options.working_dir is not None:
        words += ["--workdir", options.working_dir]
    if options.uid is not None:
        words += ["--user", f"{options.uid}" if options.gid is None else f"{options.uid}:{options.gid}"]
    # Names only: an argument list is there for everybody on this machine to read.
    words += [word for key in options.env for word in ("--env", key)]
    return [*words, name, *(["--", *options.command] if options.command else [])]
