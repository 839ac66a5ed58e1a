"""The workspaces as the engine's own events tell of them: what `.status` and `.list` answer from."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.infos import EventKind, WorkspaceEvent, WorkspaceInfo, WorkspaceStatus

from . import json_codec


class LiveState:
    """Every workspace of the engine in use, kept up by one thread and read by all.

    It is live while the engine's event stream is; else whoever asks has to
    ask the engine.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._infos: dict[str, WorkspaceInfo] = {}
        self._json: dict[str, dict[str, Any]] = {}
        self._live = False

    @property
    def live(self) -> bool:
        """Whether what is here is what the engine has."""
        return self._live

    def begin(self, infos: Iterable[WorkspaceInfo]) -> None:
        """Events come; this is the state that they change."""
        with self._changed:
            self._infos = {info.id: info for info in infos}
            self._json = {identifier: json_codec.workspace(info) for identifier, info in self._infos.items()}
            self._live = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Events do not come for now."""
        with self._changed:
            self._live = False
            self._changed.notify_all()

    def apply(self, event: WorkspaceEvent) -> dict[str, Any]:
        """Take one event; the workspace as clients get it."""
        info = event.workspace
        data = json_codec.workspace(info)
        with self._changed:
            if event.kind is EventKind.REMOVED:
                self._infos.pop(info.id, None)
                self._json.pop(info.id, None)
            else:
                self._infos[info.id] = info
                self._json[info.id] = data
            self._changed.notify_all()
        return data

    def listed(self) -> list[dict[str, Any]] | None:
        """Every workspace, by name, as clients get it; None when this is not live."""
        with self._changed:
            if not self._live:
                return None
            return sorted(self._json.values(), key=lambda data: data["name"])

    def infos(self) -> list[WorkspaceInfo] | None:
        """Every workspace, by name; None when this is not live."""
        with self._changed:
            if not self._live:
                return None
            return sorted(self._infos.values(), key=lambda info: info.name)

    def find(self, reference: str) -> WorkspaceInfo | None:
        """The workspace that ``reference`` names, by the same rules as a runtime's `find_workspace`.

        Raises:
            InvalidOptionError: several workspaces have that workspace name.
            LookupError: this is not live, or only the engine can tell.
        """
        with self._changed:
            if not self._live:
                raise LookupError("not live")
            if (exact := self._infos.get(reference)) is not None:
                return exact
            return find(list(self._infos.values()), reference)

    def await_shown(self, info: WorkspaceInfo, seconds: float) -> None:
        """Wait, at most so long, until the events have told what the engine has told: ``info``.

        So that who changed a workspace and asks for it afterwards is not told the old state.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._live or self._shows(info), seconds)

    def _shows(self, info: WorkspaceInfo) -> bool:
        known = self._infos.get(info.id)
        if info.status is WorkspaceStatus.NOT_FOUND or known is None:
            return known is None and info.status is WorkspaceStatus.NOT_FOUND
        same_start = known.started is None or info.started is None or known.started == info.started
        return known.status is info.status and same_start


def find(infos: list[WorkspaceInfo], reference: str) -> WorkspaceInfo | None:
    """The workspace of that container name, workspace name or unique ID prefix, in this order.

    Raises:
        InvalidOptionError: several workspaces have that workspace name.
        LookupError: several IDs begin so.
    """
    for info in infos:
        if info.name == reference:
            return info
    named = [info for info in infos if info.workspace == reference]
    if len(named) > 1:
        names = ", ".join(sorted(info.name for info in named))
        raise InvalidOptionError(
            "workspace", reference, f"{len(named)} workspaces are called so", hint=f"Use the container's name: {names}."
        )
    if named:
        return named[0]
    begun = [info for info in infos if info.id.startswith(reference)]
    if len(begun) > 1:
        raise LookupError("ambiguous")
    return begun[0] if begun else None
