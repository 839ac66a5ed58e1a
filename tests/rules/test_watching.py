"""When an engine's event is enough, and when the workspace has to be looked at."""

from __future__ import annotations

from typing import cast

import pytest

from dvm_runtimes.engines.base import Container, Engine, EngineEvent
from dvm_runtimes.errors import OperationTimeoutError
from dvm_runtimes.infos import EventKind, WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.operation import Operation
from dvm_runtimes.workspaces.watching import WorkspaceWatch, tells_all

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


class Unreachable:
    """An engine whose stream ends, and that does not answer in time after that."""

    platform_type = platform_name = "acme"
    longest_pause = 0.01

    def __init__(self) -> None:
        self.limits: list[float | None] = []
        self.watch: WorkspaceWatch | None = None

    def events(self, op: Operation) -> Unreachable:
        return self

    def list_containers(self, op: Operation, labels: object) -> list[Container]:
        return []

    def next(self) -> None:
        return None

    def close(self) -> None:
        pass

    def version(self, op: Operation) -> str:
        self.limits.append(op.timeout)
        if len(self.limits) == 7 and self.watch is not None:
            self.watch.close()
        raise OperationTimeoutError("late")


def test_the_limit_of_a_try_to_reconnect_grows() -> None:
    """A slow engine is not given up, nor loaded with tries that can never be in time."""
    engine = Unreachable()
    with Operation("watch_workspaces") as op:
        engine.watch = WorkspaceWatch(cast(Engine, engine), op, None, None)

    assert list(engine.watch) == []
    assert engine.limits == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
