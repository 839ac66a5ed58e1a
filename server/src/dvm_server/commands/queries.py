"""``dvm.workspace.list``, ``.status`` and ``.find``: answered from the live state, else by the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import InThread, Work

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.workspace.list")
    def list_workspaces(argument: Any) -> Any:
        server.arguments(argument).done()
        listed = server.live.listed()
        return InThread(list_slowly) if listed is None else listed

    def list_slowly(work: Work) -> list[dict[str, Any]]:
        from dvm_server import json_codec

        with server.runtime(work) as runtime:
            return [json_codec.workspace(info) for info in runtime.list_workspaces(cancel=work.cancel)]

    @server.command("dvm.workspace.status")
    def status(argument: Any) -> Any:
        try:
            found, name = _at_once(server, argument)
        except LookupError:
            return InThread(status_slowly)
        return _status(found, name)

    def status_slowly(work: Work) -> dict[str, Any]:
        return _status(*_slowly(server, work))

    @server.command("dvm.workspace.find")
    def find(argument: Any) -> Any:
        try:
            found, _ = _at_once(server, argument)
        except LookupError:
            return InThread(find_slowly)
        return _or_null(found)

    def find_slowly(work: Work) -> dict[str, Any] | None:
        return _or_null(_slowly(server, work)[0])


def _at_once(server: DvmServer, argument: Any) -> tuple[WorkspaceInfo | None, str]:
    """The workspace that is meant, from the live state alone, and what it was called.

    Raises:
        LookupError: it has to be asked for.
    """
    arguments = server.arguments(argument)
    named, folder = arguments.text("workspace"), arguments.folder
    arguments.done()
    if not named:
        infos = server.live.infos()
        if infos is None:
            raise LookupError("not live")
        return _meant(infos, folder)
    _check(named)
    return server.live.find(named), named


def _slowly(server: DvmServer, work: Work) -> tuple[WorkspaceInfo | None, str]:
    arguments = server.arguments(work.argument)
    named, folder = arguments.text("workspace"), arguments.folder
    with server.runtime(work) as runtime:
        if named:
            return runtime.find_workspace(named, cancel=work.cancel), named
        return _meant(server.infos(runtime, work), folder)


def _meant(infos: list[WorkspaceInfo], folder: str | None) -> tuple[WorkspaceInfo | None, str]:
    from dvm_runtimes.errors import WorkspaceNotFoundError
    from dvm_runtimes.validation.naming import workspace_name_for
    from dvm_server import targets

    try:
        found = targets.meant(infos, folder)
    except WorkspaceNotFoundError:
        # A status line asks all the time; that there is none yet is an answer.
        return None, workspace_name_for(folder) if folder is not None else ""
    return found, found.name


def _check(named: str) -> None:
    from dvm_runtimes.workspaces.lookup import check_reference

    check_reference(named)


def _status(found: WorkspaceInfo | None, name: str) -> dict[str, Any]:
    from dvm_runtimes.infos import WorkspaceInfo, WorkspaceStatus
    from dvm_server import json_codec

    missing = WorkspaceInfo(id="", name=name, status=WorkspaceStatus.NOT_FOUND, image="")
    return json_codec.workspace(found or missing)


def _or_null(found: WorkspaceInfo | None) -> dict[str, Any] | None:
    from dvm_server import json_codec

    return None if found is None else json_codec.workspace(found)
