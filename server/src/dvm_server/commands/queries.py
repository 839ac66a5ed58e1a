"""``dvm.workspace.list``, ``.status`` and ``.find``: answered from the live state, else by the engine."""

from __future__ import annotations

from dvm_runtimes.errors import WorkspaceNotFoundError
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.infos import WorkspaceInfo, WorkspaceStatus

from .call import Call
from .targets import Target, resolve_target


def list_workspaces(call: Call, _request: None) -> list[WorkspaceInfo]:
    """Every workspace, by name."""
    return call.workspaces()


def find_workspace(call: Call, target: Target) -> WorkspaceInfo | None:
    """The workspace, or None."""
    if target.workspace:
        return call.find(target.workspace)
    try:
        return resolve_target(call.workspaces(), target.folder)
    except WorkspaceNotFoundError:
        # Status lines ask all the time, also before the folder has a workspace.
        return None


def workspace_status(call: Call, target: Target) -> WorkspaceInfo:
    """The workspace; one with status ``not_found`` and an empty ID when there is none."""
    info = find_workspace(call, target)
    if info is not None:
        return info
    name = target.workspace or (FolderIdentity.of(target.folder).workspace_name if target.folder is not None else "")
    return WorkspaceInfo(id="", name=name, status=WorkspaceStatus.NOT_FOUND, image="")
