"""``dvm.workspace.start``: start a workspace from options, or the one of a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_runtimes.options import StartOptions
    from dvm_runtimes.runtime import ContainerRuntime
    from dvm_server.app import DvmServer
    from dvm_server.arguments import Arguments

_DOCKERFILES = ("Dockerfile", "Containerfile", ".devcontainer/Dockerfile")


def register(server: DvmServer) -> None:
    @server.command("dvm.workspace.start")
    @server.thread()
    def start(work: Work) -> dict[str, Any]:
        from dvm_server.steps import shown

        arguments = server.arguments(work.argument)
        limit = arguments.timeout()
        _check(arguments)
        with server.runtime(work) as runtime:
            again = _existing(server, arguments, runtime, work)
            if again is not None:
                from dvm_runtimes.cli.again import start_again

                arguments.done()
                work.progress.begin(f"Starting {again.name}")
                return server.shown(start_again(runtime, again, cancel=work.cancel, **limit))
            options = _options(server, arguments, runtime, work)
            work.progress.begin(f"Starting {options.name}")
            started = runtime.start_workspace(options, shown(work.progress), cancel=work.cancel, **limit)
            found = runtime.find_workspace(started, cancel=work.cancel)
            if found is None:
                raise _gone(options.name, runtime.platform_name)
            return server.shown(found)


def _check(arguments: Arguments) -> None:
    """Refuse what is wrong in any case, before an engine is asked."""
    from dvm_runtimes.options import StartOptions

    arguments.check(StartOptions, ("folder", "workspace"), imageName="any", workspaceName="any")


def _existing(server: DvmServer, arguments: Arguments, runtime: ContainerRuntime, work: Work) -> WorkspaceInfo | None:
    """The workspace to start as it is, when the argument says no more than which one."""
    from dvm_server import targets

    if "imageName" in arguments:
        return None
    named = arguments.text("workspace")
    if named:
        found = runtime.find_workspace(named, cancel=work.cancel)
        if found is None:
            raise _gone(named, runtime.platform_name, "does not exist")
        return found
    if any(name in arguments for name in ("workspaceName", "containerName")):
        return None
    folder = arguments.folder
    return targets.of_folder(server.infos(runtime, work), folder) if folder is not None else None


def _options(server: DvmServer, arguments: Arguments, runtime: ContainerRuntime, work: Work) -> StartOptions:
    from dvm_runtimes.options import StartOptions
    from dvm_server import targets

    told = "folder" in arguments
    folder = arguments.folder
    given: dict[str, Any] = {}
    if folder is not None and (told or not any(name in arguments for name in ("workspaceName", "containerName"))):
        infos = server.infos(runtime, work)
        own = targets.of_folder(infos, folder)
        name = own.workspace if own is not None and own.workspace else targets.name_for(infos, folder)
        given = {"workspaceName": name}
        if runtime.capabilities.bind_mounts:
            given["appPath"] = folder
        given["labels"] = {**arguments.mapping("labels"), targets.FOLDER: os.path.realpath(folder)}
    image = "" if "imageName" in arguments else _image(server, folder, runtime, work)
    return arguments.options(StartOptions, **given, **({"imageName": image} if image else {}))


def _image(server: DvmServer, folder: str | None, runtime: ContainerRuntime, work: Work) -> str:
    """The image of a folder that has no workspace yet: the client's own default, else built from its Dockerfile."""
    from dvm_runtimes.errors import InvalidOptionError

    if server.default_image:
        return server.default_image
    dockerfile = next((name for name in _DOCKERFILES if folder and (Path(folder) / name).is_file()), None)
    if folder is None or dockerfile is None:
        raise InvalidOptionError(
            "imageName",
            None,
            "is needed",
            hint='Put a Dockerfile into the folder, or set initializationOptions {"image": "debian:12"}.',
        )
    from dvm_runtimes.options import BuildOptions
    from dvm_runtimes.validation.naming import workspace_name_for
    from dvm_server.steps import shown

    name = f"dvm-{workspace_name_for(folder)}"
    work.progress.begin(f"Building {name}")
    build = BuildOptions(image_name=name, app_path=folder, dockerfile=str(Path(folder) / dockerfile))
    runtime.build_image(build, shown(work.progress), cancel=work.cancel)
    return name


def _gone(name: str, platform: str, what: str = "was removed right after its start") -> Exception:
    from dvm_runtimes.errors import WorkspaceNotFoundError

    return WorkspaceNotFoundError(
        f"workspace {name!r} {what}",
        hint="dvm.workspace.list has those there are; with imageName a new one is started.",
        platform=platform,
        operation="start_workspace",
    )
