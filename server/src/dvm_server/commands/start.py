"""``dvm.workspace.start``: start a workspace from options, an existing one as it is, or the one of a folder."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.options import BuildOptions, StartOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_server.arguments import Arguments

from .call import Call
from .steps import progress_reporter
from .targets import Target, folder_workspace

_DOCKERFILES = ("Dockerfile", "Containerfile", ".devcontainer/Dockerfile")
_UNKNOWN = "unknown"
"""Stands for the image and the name while the argument is checked; both may depend on the engine."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """The argument of ``start``.

    Attributes:
        target: the members ``workspace`` and ``folder``.
        members: the names of all members that were given.
        options: the members of `StartOptions`.
    """

    target: Target
    members: frozenset[str]
    options: StartOptions

    @classmethod
    def parse(cls, arguments: Arguments) -> StartRequest:
        """Take every member, so that wrong ones are refused before an engine is asked."""
        target = Target.parse(arguments)
        options = arguments.options(StartOptions, imageName=_UNKNOWN, workspaceName=_UNKNOWN)
        return cls(target, arguments.members, options)

    @property
    def is_named(self) -> bool:
        """Whether the workspace has a name of its own rather than the folder's."""
        return bool(self.members & {"workspaceName", "containerName"})


def start_workspace(call: Call, request: StartRequest) -> WorkspaceInfo:
    """Start or create the workspace; its state afterwards."""
    with call.runtime() as runtime:
        existing = None if "imageName" in request.members else _existing(call, request, runtime)
        if existing is not None:
            _refuse_options(request, existing)
            call.progress.begin(f"Starting {existing.name}")
            return call.notified(runtime.start_existing_workspace(existing.id, **call.limits()))
        options = _complete_options(call, request, runtime)
        call.progress.begin(f"Starting {options.name}")
        return call.notified(runtime.ensure_workspace(options, progress_reporter(call.progress), **call.limits()))


def _existing(call: Call, request: StartRequest, runtime: ContainerRuntime) -> WorkspaceInfo | None:
    """The workspace that is started as it is; None when a new one is made."""
    if request.target.workspace:
        return call.resolve(request.target, runtime)
    folder = request.target.folder
    if request.is_named or folder is None:
        return None
    return folder_workspace(call.workspaces(runtime), folder)


def _refuse_options(request: StartRequest, existing: WorkspaceInfo) -> None:
    """Options without ``imageName`` would be ignored: the workspace keeps those it was created with."""
    for member in sorted(request.members - {"workspace", "folder", "timeout"}):
        raise InvalidOptionError(
            member,
            "...",
            f"cannot be changed without imageName: workspace {existing.name!r} exists and is started as it is",
            hint="Give imageName as well, and the workspace is recreated with these options.",
        )


def _complete_options(call: Call, request: StartRequest, runtime: ContainerRuntime) -> StartOptions:
    """The options with the folder's defaults, and with an image."""
    options, members, folder = request.options, request.members, request.target.folder
    changes: dict[str, Any] = {}
    if "workspaceName" not in members:
        changes["workspace_name"] = ""
    if folder is not None and ("folder" in members or not request.is_named):
        changes["folder"] = folder
        if "appPath" not in members and runtime.capabilities.bind_mounts:
            changes["app_path"] = folder
    if "imageName" not in members:
        changes["image_name"] = _folder_image(call, folder, runtime)
    return dataclasses.replace(options, **changes)


def _folder_image(call: Call, folder: str | None, runtime: ContainerRuntime) -> str:
    """The client's default image, else the one that is built from the folder's Dockerfile."""
    if call.server.default_image:
        return call.server.default_image
    dockerfile = next((name for name in _DOCKERFILES if folder and (Path(folder) / name).is_file()), None)
    if folder is None or dockerfile is None:
        raise InvalidOptionError(
            "imageName",
            None,
            "is required",
            hint='Create a Dockerfile in the folder, or set initializationOptions {"image": "debian:12"}.',
        )
    name = FolderIdentity.of(folder).image_name
    call.progress.begin(f"Building {name}")
    options = BuildOptions(image_name=name, app_path=folder, dockerfile=str(Path(folder) / dockerfile))
    runtime.build_image(options, progress_reporter(call.progress), **call.limits())
    return name
