"""The client: what ``initialize`` says of it, the requests it has not answered, and its trace."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import INVALID_PARAMS, RequestError
from .messages import Id, Reply

log = logging.getLogger("dvm_server.requests")

MAX_OPEN = 1000
"""Requests that may be unanswered; beyond that the oldest is dropped."""

OnReply = Callable[[Any, Any], object]


@dataclass(slots=True)
class Client:
    """The client, as ``initialize`` describes it.

    Attributes:
        process_id: its process on this machine; None when left out.
        folders: the URI and the name of each open folder, in the client's order.
        capabilities: as sent.
        options: ``initializationOptions``, as sent.
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
        """Apply the ``event`` of ``workspace/didChangeWorkspaceFolders``; members of a wrong type are ignored."""
        if isinstance(event, dict):
            for uri in _folders(event.get("removed")):
                self.folders.pop(uri, None)
            self.folders.update(_folders(event.get("added")))


def parse_initialize(params: Any) -> Client:
    """The client that has sent these parameters of ``initialize``.

    Parsed without lsprotocol's converter, which takes longer to build than everything else that the first response
    needs, and refuses a client for one capability of a wrong type.

    Raises:
        RequestError: a member that is used here has a wrong type.
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


def initialize_result(name: str, version: str, commands: list[str], experimental: dict[str, Any]) -> dict[str, Any]:
    """The result of ``initialize``: a server of commands without document synchronisation."""
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
    names = {int: "a whole number", str: "a string", list: "an array", dict: "an object"}
    raise RequestError(INVALID_PARAMS, f"initialize: {name} must be {names[kind]} or null")


def _folders(value: Any) -> dict[str, str]:
    folders = {}
    for folder in value if isinstance(value, list) else []:
        if isinstance(folder, dict) and isinstance(folder.get("uri"), str):
            folders[folder["uri"]] = str(folder.get("name", ""))
    return folders


class Outgoing:
    """The requests to the client that it has not answered."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[Id, OnReply] = {}

    def __len__(self) -> int:
        return len(self._open)

    def new(self, on_reply: OnReply) -> Id:
        """The ID of a new request; ``on_reply`` is called with the result and the error of its response."""
        identifier = f"dvm-{next(self._numbers)}"
        self._open[identifier] = on_reply
        while len(self._open) > MAX_OPEN:
            self._open.pop(next(iter(self._open)), None)
        return identifier

    def answered(self, reply: Reply) -> None:
        """Pass a response on; one without a request is dropped."""
        on_reply = self._open.pop(reply.id, None)
        if on_reply is not None:
            on_reply(reply.result, reply.error)


class Trace:
    """Reports commands to the log and, as ``$/logTrace``, to the client: names, IDs and times, never values.

    Args:
        notify: sends a notification.
    """

    def __init__(self, notify: Callable[[str, Any], object]) -> None:
        self._notify = notify
        self.value = "off"
        """``off``, ``messages`` or ``verbose``."""

    def set(self, value: Any) -> None:
        """Set the value; an unknown one is ignored."""
        if value in ("off", "messages", "verbose"):
            self.value = value

    def received(self, name: str, identifier: Id) -> None:
        """A command was received."""
        log.debug("%s %r received", name, identifier)
        if self.value != "off":
            self._notify("$/logTrace", {"message": f"Received request '{name} - ({identifier})'."})

    def done(self, name: str, identifier: Id, seconds: float) -> None:
        """A command was answered."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %r answered in %.1f ms", name, identifier, seconds * 1000)
        if self.value != "off":
            message: dict[str, Any] = {"message": f"Sent response '{name} - ({identifier})'."}
            if self.value == "verbose":
                message["verbose"] = f"It took {seconds * 1000:.1f} ms."
            self._notify("$/logTrace", message)
