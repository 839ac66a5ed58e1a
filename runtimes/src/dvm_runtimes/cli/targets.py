"""Which workspace is meant when a command names none."""

from __future__ import annotations

from pathlib import Path

from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import APP, WORKSPACE, workspace_name_for


def reference(name: str | None, runtime: ContainerRuntime, cancel: CancelToken) -> str:
    """What to call the workspace when asking the runtime for it.

    The name that was given; else the active workspace of the context; else
    the workspace of the current folder.
    """
    if name is not None:
        return name
    from dvm_runtimes.user.context import load_context

    context = load_context()
    if not context.workspace:
        return workspace_name_for(Path.cwd())
    if context.app:
        # Other apps may have a workspace of this name.
        found = runtime.list_workspaces({APP: context.app, WORKSPACE: context.workspace}, cancel=cancel)
        if len(found) == 1:
            return found[0].id
    return context.workspace


def find(name: str | None, runtime: ContainerRuntime, cancel: CancelToken) -> WorkspaceInfo:
    """The workspace that is meant.

    Raises:
        WorkspaceNotFoundError: there is none.
    """
    from dvm_runtimes.errors import WorkspaceNotFoundError

    wanted = reference(name, runtime, cancel)
    found = runtime.find_workspace(wanted, cancel=cancel)
    if found is None:
        raise WorkspaceNotFoundError(
            f"no workspace {wanted!r} on {runtime.platform_name}",
            hint="`dvm ls` lists the workspaces; `dvm up` starts one.",
            platform=runtime.platform_name,
            operation="find_workspace",
        )
    return found
