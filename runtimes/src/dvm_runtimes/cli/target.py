"""The workspace that a command acts on, which may be the active one."""

from __future__ import annotations

from pathlib import Path

from dvm_runtimes.errors import WorkspaceNotFoundError
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import APP, WORKSPACE


def target_reference(name: str | None, runtime: ContainerRuntime, cancel: CancelToken) -> str:
    """A reference to the workspace, for the runtime's methods.

    The given name; else the active workspace of the context; else the workspace of the current folder.

    Raises:
        WorkspaceNotFoundError: it is the folder's, which has none.
    """
    if name is not None:
        return name
    from dvm_runtimes.user.context import load_context

    context = load_context()
    if not context.workspace:
        folder = FolderIdentity.of(Path.cwd())
        for info in runtime.list_workspaces(folder.labels, cancel=cancel):
            return info.id
        raise WorkspaceNotFoundError(
            f"{folder.path} has no workspace on {runtime.platform_name}",
            hint="`dvm up` starts one; `dvm ls` lists the others.",
            platform=runtime.platform_name,
            operation="find_workspace",
        )
    if context.app:
        # Other apps may have a workspace of that name.
        found = runtime.list_workspaces({APP: context.app, WORKSPACE: context.workspace}, cancel=cancel)
        if len(found) == 1:
            return found[0].id
    return context.workspace


def find_target(name: str | None, runtime: ContainerRuntime, cancel: CancelToken) -> WorkspaceInfo:
    """The workspace of `target_reference`.

    Raises:
        WorkspaceNotFoundError: it does not exist.
    """
    reference = target_reference(name, runtime, cancel)
    found = runtime.find_workspace(reference, cancel=cancel)
    if found is None:
        raise WorkspaceNotFoundError(
            f"no workspace {reference!r} on {runtime.platform_name}",
            hint="`dvm ls` lists the workspaces; `dvm up` starts one.",
            platform=runtime.platform_name,
            operation="find_workspace",
        )
    return found
