"""Starting a workspace that exists, as it is."""

from __future__ import annotations

import threading

from dvm_runtimes.errors import WorkspaceNotFoundError
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.options import StartOptions
from dvm_runtimes.runtime import SLOW, ContainerRuntime


def start_again(
    runtime: ContainerRuntime,
    workspace: WorkspaceInfo,
    *,
    timeout: float | None = SLOW,
    cancel: threading.Event | None = None,
) -> WorkspaceInfo:
    """Start or resume a workspace with the options it was made with; the workspace after it.

    Raises:
        WorkspaceNotFoundError: it was removed meanwhile.
        WorkspaceNotRunningError: it ended at once.
    """
    options = StartOptions(
        image_name=workspace.image,
        container_name=workspace.name,
        workspace_name=workspace.workspace,
        app_name=workspace.app,
        ecosystem_name=workspace.ecosystem,
        domain_name=workspace.domain,
        system_name=workspace.system,
        pull="never",
        on_drift="reuse",
    )
    started = runtime.start_workspace(options, timeout=timeout, cancel=cancel)
    found = runtime.find_workspace(started)
    if started != workspace.id or found is None:
        # Removed between the look and the start, which then made a bare one of its own.
        if found is not None and found.id == started:
            runtime.remove_workspace(started, force=True, volumes=True)
        raise WorkspaceNotFoundError(
            f"workspace {workspace.name!r} was removed meanwhile",
            hint="`dvm up` starts a new one.",
            platform=runtime.platform_name,
            operation="start_workspace",
        )
    return found
