"""What a client says of itself in ``initialize``, and what it is told in return. Pure.

Read by hand: building lsprotocol's converter would take longer than
everything else that the first answer needs, and it refuses a client for one
odd capability that nobody here asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .failures import INVALID_PARAMS, RequestError


@dataclass(slots=True)
class Client:
    """The client.

    Attributes:
        process_id: of its process on this machine; None when it does not say.
        folders: the URI of each folder it has open, and its name; the first one first.
        capabilities: as it sent them.
        options: ``initializationOptions``, whatever they are.
        trace: ``off``, ``messages`` or ``verbose``.
    """

    process_id: int | None = None
    folders: dict[str, str] = field(default_factory=dict)
    capabilities: dict[str, Any] = field(default_factory=dict)
    options: Any = None
    trace: str = "off"

    def can(self, *path: str) -> bool:
        """Whether the capability at this path is true.

        >>> Client(capabilities={"window": {"workDoneProgress": True}}).can("window", "workDoneProgress")
        True
        """
        value: Any = self.capabilities
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value is True

    def change_folders(self, event: Any) -> None:
        """Take the ``event`` of ``workspace/didChangeWorkspaceFolders``; what is of a wrong kind is left out."""
        if isinstance(event, dict):
            for uri in _folders(event.get("removed")):
                self.folders.pop(uri, None)
            self.folders.update(_folders(event.get("added")))


def read(params: Any) -> Client:
    """The client that sent these parameters of ``initialize``.

    Raises:
        RequestError: a member that is needed here is of a wrong kind.
    """
    if not isinstance(params, dict):
        raise RequestError(INVALID_PARAMS, "initialize needs an object with processId and capabilities")
    process_id = _member(params, "processId", int)
    root = _member(params, "rootUri", str)
    root_path = _member(params, "rootPath", str)
    folders = _folders(_member(params, "workspaceFolders", list))
    if not folders and root is None and root_path:
        from pygls.uris import from_fs_path

        root = from_fs_path(root_path)
    if not folders and root:
        folders = {root: root.rstrip("/").rpartition("/")[2]}
    return Client(
        process_id,
        folders,
        _member(params, "capabilities", dict) or {},
        params.get("initializationOptions"),
        _member(params, "trace", str) or "off",
    )


def answer(name: str, version: str, commands: list[str], experimental: dict[str, Any]) -> dict[str, Any]:
    """The result of ``initialize``: a server of commands, to which documents need not be sent."""
    return {
        "capabilities": {
            "positionEncoding": "utf-16",
            "executeCommandProvider": {"commands": commands, "workDoneProgress": True},
            "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
            "experimental": experimental,
        },
        "serverInfo": {"name": name, "version": version},
    }


def _member(params: dict[str, Any], name: str, kind: type) -> Any:
    value = params.get(name)
    if value is None or type(value) is kind:
        return value
    words = {int: "a whole number", str: "a string", list: "an array", dict: "an object"}
    raise RequestError(INVALID_PARAMS, f"initialize: {name} must be {words[kind]} or null")


def _folders(value: Any) -> dict[str, str]:
    found = {}
    for folder in value if isinstance(value, list) else []:
        if isinstance(folder, dict) and isinstance(folder.get("uri"), str):
            found[folder["uri"]] = str(folder.get("name", ""))
    return found
