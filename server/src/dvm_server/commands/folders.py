"""``dvm.folder.identity``: the names that belong to a folder of this machine."""

from __future__ import annotations

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_server.arguments import Arguments

from .call import Call


def parse_folder(arguments: Arguments) -> FolderIdentity:
    """The member ``folder``, by default the client's first folder."""
    if arguments.folder is None:
        raise InvalidOptionError("folder", None, "is required: no folder is open")
    return FolderIdentity.of(arguments.folder)


def folder_identity(_call: Call, identity: FolderIdentity) -> dict[str, str]:
    """The folder's real path, the name of its workspace, and that of its image, which no other folder has."""
    return {
        "folder": identity.path,
        "workspaceName": identity.workspace_name,
        "imageName": identity.image_name,
    }
