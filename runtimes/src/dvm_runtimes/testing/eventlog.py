"""Waiting for events in a test: one thread reads a watch, the test asks for what must come."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dvm_runtimes.infos import EventKind, WorkspaceEvent
from dvm_runtimes.workspaces.watching import WorkspaceWatch


class EventLog:
    """The events of one watch, in the order in which they came.

    Args:
        watch: read from now on, until `close`.
    """

    LIMIT = 30.0
    """Seconds for an event that is sure to come."""

    def __init__(self, watch: WorkspaceWatch) -> None:
        self.watch = watch
        self.events: list[WorkspaceEvent] = []
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="conformance-events", daemon=True)
        self._thread.start()

    def wait_for(self, kind: EventKind, workspace: str, *, nth: int = 1) -> WorkspaceEvent:
        """The ``nth`` event of that kind for the workspace of that ID or container name, come or still to come."""

        def found() -> list[WorkspaceEvent]:
            return [event for event in self.of(workspace) if event.kind is kind]

        self._wait(lambda: len(found()) >= nth, f"{kind} of {workspace}")
        return found()[nth - 1]

    def of(self, workspace: str) -> list[WorkspaceEvent]:
        """The events so far of the workspace of that ID or container name."""
        return [event for event in list(self.events) if workspace in (event.workspace.id, event.workspace.name)]

    def wait_for_end(self) -> None:
        """The iteration ends, without an error."""
        self._wait(lambda: self._ended, "the end of the watch")
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Close the watch and end the thread that reads it."""
        self.watch.close()
        self._thread.join(self.LIMIT)
        assert not self._thread.is_alive(), "closing the watch did not end its iteration"

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: done() or self._ended, self.LIMIT)
            if self._error is not None:
                raise self._error
            assert done(), f"{what} did not come; what came: {[str(event.kind) for event in self.events]}"

    def _read(self) -> None:
        try:
            for event in self.watch:
                with self._changed:
                    self.events.append(event)
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 -- handed to the test, which waits in another thread
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
