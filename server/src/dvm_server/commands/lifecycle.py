"""``dvm.workspace.stop``, ``.restart``, ``.remove`` and ``.stopAll``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dvm_runtimes.infos import StopAllResult, WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.runtime import ContainerRuntime
from dvm_server.arguments import Arguments

from .call import Call
from .targets import Target


@dataclass(frozen=True, slots=True)
class StopRequest:
    """The argument of ``stop`` and ``restart``; ``grace`` in seconds."""

    target: Target
    grace: float

    @classmethod
    def parse(cls, arguments: Arguments) -> StopRequest:
        """Take the members."""
        return cls(Target.parse(arguments), parse_grace(arguments))


@dataclass(frozen=True, slots=True)
class RemoveRequest:
    """The argument of ``remove``."""

    target: Target
    force: bool
    volumes: bool

    @classmethod
    def parse(cls, arguments: Arguments) -> RemoveRequest:
        """Take the members."""
        return cls(Target.parse(arguments), arguments.flag("force"), arguments.flag("volumes"))


def parse_grace(arguments: Arguments) -> float:
    """The member ``grace``: seconds between SIGTERM and SIGKILL; 10 when left out."""
    grace = arguments.number("grace", 10)
    return 10 if grace is None else grace


def stop_workspace(call: Call, request: StopRequest) -> WorkspaceInfo:
    """Stop a workspace; its state afterwards."""
    with call.runtime() as runtime:
        info = call.resolve(request.target, runtime)
        call.progress.begin(f"Stopping {info.name}")
        runtime.stop_workspace(info.id, request.grace, **call.limits())
        return call.notified(_state_after(call, runtime, info))


def restart_workspace(call: Call, request: StopRequest) -> WorkspaceInfo:
    """Stop a workspace and start it as it is; its state afterwards."""
    with call.runtime() as runtime:
        info = call.resolve(request.target, runtime)
        call.progress.begin(f"Restarting {info.name}")
        runtime.stop_workspace(info.id, request.grace, **call.limits())
        return call.notified(runtime.start_existing_workspace(info.id, **call.limits()))


def remove_workspace(call: Call, request: RemoveRequest) -> WorkspaceInfo:
    """Remove a workspace; its last state, with status ``not_found``."""
    with call.runtime() as runtime:
        info = call.resolve(request.target, runtime)
        call.progress.begin(f"Removing {info.name}")
        runtime.remove_workspace(info.id, request.force, request.volumes, **call.limits())
        return call.notified(_state_after(call, runtime, info))


def stop_all(call: Call, grace: float) -> StopAllResult:
    """Stop every workspace."""
    with call.runtime() as runtime:
        call.progress.begin("Stopping every workspace")
        return runtime.stop_all_workspaces(grace, **call.limits())


def _state_after(call: Call, runtime: ContainerRuntime, before: WorkspaceInfo) -> WorkspaceInfo:
    after = runtime.find_workspace(before.id, **call.limits())
    return after or dataclasses.replace(before, status=WorkspaceStatus.NOT_FOUND)
