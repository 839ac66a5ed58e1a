"""`LiveState`: the workspaces as the engine's events report them; queries are answered from it."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.infos import EventKind, WorkspaceEvent, WorkspaceInfo, WorkspaceStatus


class LiveState:
    """Every workspace of the engine in use; one thread updates it, any thread reads it.

    It is live while the engine's event stream is connected. Otherwise only the engine has the answer.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._infos: dict[str, WorkspaceInfo] = {}
        self._live = False

    @property
    def live(self) -> bool:
        """Whether the event stream is connected."""
        return self._live

    def begin(self, infos: Iterable[WorkspaceInfo]) -> None:
        """The event stream is connected; ``infos`` is the state that its events change."""
        with self._changed:
            self._infos = {info.id: info for info in infos}
            self._live = True
            self._changed.notify_all()

    def pause(self) -> None:
        """The event stream is not connected."""
        with self._changed:
            self._live = False
            self._changed.notify_all()

    def apply(self, event: WorkspaceEvent) -> None:
        """Apply an event of the engine."""
        info = event.workspace
        with self._changed:
            if event.kind is EventKind.REMOVED:
                self._infos.pop(info.id, None)
            else:
                self._infos[info.id] = info
            self._changed.notify_all()

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
            LookupError: this is not live, or the prefix is ambiguous.
        """
        with self._changed:
            if not self._live:
                raise LookupError("not live")
            if (exact := self._infos.get(reference)) is not None:
                return exact
            return find(list(self._infos.values()), reference)

    def await_state(self, info: WorkspaceInfo, seconds: float) -> None:
        """Wait, at most ``seconds``, for the event of the state ``info``, which the engine has reported already.

        So a query after a change does not give the state before it.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._live or self._has(info), seconds)

    def _has(self, info: WorkspaceInfo) -> bool:
        known = self._infos.get(info.id)
        if info.status is WorkspaceStatus.NOT_FOUND or known is None:
            return known is None and info.status is WorkspaceStatus.NOT_FOUND
        same_start = known.started is None or info.started is None or known.started == info.started
        return known.status is info.status and same_start


def find(infos: list[WorkspaceInfo], reference: str) -> WorkspaceInfo | None:
    """The workspace with that container name, workspace name or unique ID prefix, in this order.

    Raises:
        InvalidOptionError: several workspaces have that workspace name.
        LookupError: several IDs have that prefix.
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
    matches = [info for info in infos if info.id.startswith(reference)]
    if len(matches) > 1:
        raise LookupError("ambiguous")
    return matches[0] if matches else None
