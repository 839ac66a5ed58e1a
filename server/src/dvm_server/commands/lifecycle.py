"""``dvm.workspace.stop``, ``.restart``, ``.remove`` and ``.stopAll``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_runtimes.runtime import ContainerRuntime
    from dvm_server.app import DvmServer
    from dvm_server.arguments import Arguments


def register(server: DvmServer) -> None:
    @server.command("dvm.workspace.stop")
    @server.thread()
    def stop(work: Work) -> dict[str, Any]:
        arguments = server.arguments(work.argument)
        limit, grace = arguments.timeout(), _grace(arguments)
        with server.runtime(work) as runtime:
            found = _found(server, arguments, runtime, work)
            arguments.done()
            work.progress.begin(f"Stopping {found.name}")
            runtime.stop_workspace(found.id, grace, cancel=work.cancel, **limit)
            return server.shown(_after(runtime, found, work))

    @server.command("dvm.workspace.restart")
    @server.thread()
    def restart(work: Work) -> dict[str, Any]:
        from dvm_runtimes.cli.again import start_again

        arguments = server.arguments(work.argument)
        limit, grace = arguments.timeout(), _grace(arguments)
        with server.runtime(work) as runtime:
            found = _found(server, arguments, runtime, work)
            arguments.done()
            work.progress.begin(f"Restarting {found.name}")
            runtime.stop_workspace(found.id, grace, cancel=work.cancel, **limit)
            return server.shown(start_again(runtime, found, cancel=work.cancel, **limit))

    @server.command("dvm.workspace.remove")
    @server.thread()
    def remove(work: Work) -> dict[str, Any]:
        arguments = server.arguments(work.argument)
        limit, force, volumes = arguments.timeout(), arguments.flag("force"), arguments.flag("volumes")
        with server.runtime(work) as runtime:
            found = _found(server, arguments, runtime, work)
            arguments.done()
            work.progress.begin(f"Removing {found.name}")
            runtime.remove_workspace(found.id, force, volumes, cancel=work.cancel, **limit)
            return server.shown(_after(runtime, found, work))

    @server.command("dvm.workspace.stopAll")
    @server.thread()
    def stop_all(work: Work) -> dict[str, Any]:
        arguments = server.arguments(work.argument)
        limit, grace = arguments.timeout(), _grace(arguments)
        arguments.done()
        with server.runtime(work) as runtime:
            work.progress.begin("Stopping every workspace")
            return runtime.stop_all_workspaces(grace, cancel=work.cancel, **limit).to_dict()


def _grace(arguments: Arguments) -> float:
    grace = arguments.number("grace", 10)
    return 10 if grace is None else grace


def _found(server: DvmServer, arguments: Arguments, runtime: ContainerRuntime, work: Work) -> WorkspaceInfo:
    from dvm_runtimes.errors import WorkspaceNotFoundError

    reference = server.reference(arguments, runtime, work)
    found = runtime.find_workspace(reference, cancel=work.cancel)
    if found is None:
        raise WorkspaceNotFoundError(
            f"no workspace {reference!r} on {runtime.platform_name}",
            hint="dvm.workspace.list has those there are.",
            platform=runtime.platform_name,
        )
    return found


def _after(runtime: ContainerRuntime, before: WorkspaceInfo, work: Work) -> WorkspaceInfo:
    import dataclasses

    from dvm_runtimes.infos import WorkspaceStatus

    found = runtime.find_workspace(before.id, cancel=work.cancel)
    return found or dataclasses.replace(before, status=WorkspaceStatus.NOT_FOUND)
