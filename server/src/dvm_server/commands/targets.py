"""Which workspace a command is about: the one it names, its folder's, or the active one of the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dvm_runtimes.errors import InvalidOptionError, WorkspaceNotFoundError
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.user.context import load_context
from dvm_server.arguments import Arguments


@dataclass(frozen=True, slots=True)
class Target:
    """The members ``workspace`` and ``folder`` of an argument.

    Attributes:
        workspace: an ID, a unique ID prefix, a container name or a workspace name; empty when left out.
        folder: the absolute path; by default the client's first folder, None when it has none open.
    """

    workspace: str
    folder: str | None

    @classmethod
    def parse(cls, arguments: Arguments) -> Target:
        """Take both members."""
        return cls(arguments.text("workspace"), arguments.folder)


def resolve_target(infos: Sequence[WorkspaceInfo], folder: str | None) -> WorkspaceInfo:
    """The workspace that a command is about that names none: the folder's, else the active one.

    Raises:
        WorkspaceNotFoundError: neither the folder nor the context has one.
        InvalidOptionError: there is no folder, and no workspace is active.
    """
    info = (folder_workspace(infos, folder) if folder is not None else None) or active_workspace(infos)
    if info is not None:
        return info
    if folder is None:
        raise InvalidOptionError("workspace", None, "is required: no folder is open, and no workspace is active")
    raise WorkspaceNotFoundError(f"{folder} has no workspace", hint="dvm.workspace.start creates one for it.")


def folder_workspace(infos: Sequence[WorkspaceInfo], folder: str) -> WorkspaceInfo | None:
    """The workspace of a folder."""
    identity = FolderIdentity.of(folder)
    return next((info for info in infos if identity.owns(info.labels)), None)


def active_workspace(infos: Sequence[WorkspaceInfo]) -> WorkspaceInfo | None:
    """The active workspace of the context; None when the context has none.

    Raises:
        WorkspaceNotFoundError: the context names one that does not exist.
        InvalidOptionError: several workspaces have that name.
    """
    context = load_context()
    if not context.workspace:
        return None
    found = [info for info in infos if info.workspace == context.workspace and context.app in ("", info.app)]
    if len(found) > 1:
        names = ", ".join(sorted(info.name for info in found))
        raise InvalidOptionError(
            "workspace", context.workspace, f"{len(found)} workspaces have that name", hint=f"Name one of: {names}."
        )
    if found:
        return found[0]
    raise WorkspaceNotFoundError(
        f"the active workspace {context.workspace!r} does not exist",
        hint="Start it, or choose another one with dvm.context.set.",
    )
