"""When an engine's event is enough, and when the workspace has to be looked at."""

from __future__ import annotations

import pytest

from dvm_runtimes.engines.base import EngineEvent
from dvm_runtimes.infos import EventKind, WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.workspaces.watching import tells_all

LISTED = WorkspaceInfo("1f", "dvm-dev", WorkspaceStatus.RUNNING, "debian:12")
SEEN = WorkspaceInfo("1f", "dvm-dev", WorkspaceStatus.RUNNING, "debian:12", started=1.0)


@pytest.mark.parametrize(
    ("kind", "exit_code", "enough"),
    [
        (EventKind.PAUSED, None, True),
        (EventKind.RESUMED, None, True),
        (EventKind.STOPPED, 137, True),
        (EventKind.STOPPED, None, False),  # not every stream tells
        (EventKind.STARTED, None, False),  # its ports and its time are new
        (EventKind.RENAMED, None, False),
        (EventKind.CREATED, None, False),
    ],
)
def test_what_an_event_tells_of_a_workspace_that_was_seen(kind: EventKind, exit_code: int | None, enough: bool) -> None:
    assert tells_all(EngineEvent(kind, "1f", exit_code=exit_code), SEEN) is enough
    assert not tells_all(EngineEvent(kind, "1f", exit_code=exit_code), LISTED)
