"""Which workspace a command means: the one it names, that of the folder, or the active one of the context."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dvm_runtimes.errors import InvalidOptionError, WorkspaceNotFoundError
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.validation.naming import workspace_name_for

FOLDER = "dvm.folder"
"""The label with the folder that a workspace was started for, so that two folders of one name have each their own."""


def of_folder(infos: Sequence[WorkspaceInfo], folder: str) -> WorkspaceInfo | None:
    """The workspace of a folder: the one that was started for it, else one without a folder that has its name."""
    place = os.path.realpath(folder)
    for info in infos:
        if info.labels.get(FOLDER) == place:
            return info
    name = workspace_name_for(folder)
    named = [info for info in infos if info.workspace == name and FOLDER not in info.labels]
    return named[0] if len(named) == 1 else None


def name_for(infos: Sequence[WorkspaceInfo], folder: str) -> str:
    """The workspace name for a folder that has no workspace yet; not that of another folder's."""
    name = workspace_name_for(folder)
    if not any(info.workspace == name for info in infos):
        return name
    import hashlib

    return f"{name}-{hashlib.sha256(os.path.realpath(folder).encode(errors='surrogateescape')).hexdigest()[:6]}"


def active(infos: Sequence[WorkspaceInfo]) -> WorkspaceInfo | None:
    """The workspace that the context says is active.

    Raises:
        WorkspaceNotFoundError: the context names one that there is not.
    """
    from dvm_runtimes.user.context import load_context

    context = load_context()
    if not context.workspace:
        return None
    for info in infos:
        if info.workspace == context.workspace and context.app in ("", info.app):
            return info
    raise WorkspaceNotFoundError(
        f"the active workspace {context.workspace!r} does not exist",
        hint="Start it, or choose another one with dvm.context.set.",
    )


def meant(infos: Sequence[WorkspaceInfo], folder: str | None) -> WorkspaceInfo:
    """The workspace that a command means that names none.

    Raises:
        WorkspaceNotFoundError: neither the folder nor the context has one.
        InvalidOptionError: there is no folder, and nothing is active.
    """
    found = (of_folder(infos, folder) if folder is not None else None) or active(infos)
    if found is not None:
        return found
    if folder is None:
        raise InvalidOptionError("workspace", None, "is needed: no folder is open, and no workspace is active")
    raise WorkspaceNotFoundError(f"{folder} has no workspace", hint="dvm.workspace.start makes one for it.")
