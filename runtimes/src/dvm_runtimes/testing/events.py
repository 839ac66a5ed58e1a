"""Events: every change of a workspace is told, whoever made it, and only those."""

from __future__ import annotations

import threading
import time

import pytest

from dvm_runtimes.errors import OperationCancelledError
from dvm_runtimes.infos import EventKind, WorkspaceStatus
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, require
from .eventlog import EventLog


class EventConformance(ConformanceCase):
    """`watch_workspaces`."""

    @pytest.fixture(autouse=True)
    def watched(self, runtime: ContainerRuntime) -> None:
        """Every test of this part needs an engine that tells of events."""
        require(runtime, "events")

    def test_events_of_a_life(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Created, started, stopped, started again, removed: in this order, each with the workspace as it is then."""
        events = bench.events()
        options = bench.options(app_name="shop")
        workspace = runtime.start_workspace(options)
        runtime.stop_workspace(workspace)
        runtime.start_workspace(options)
        runtime.remove_workspace(workspace, force=True)
        events.wait_for(EventKind.REMOVED, workspace)
        told = [(event.kind, event.workspace.status) for event in events.of(workspace)]
        assert told == [
            (EventKind.CREATED, WorkspaceStatus.CREATED),
            (EventKind.STARTED, WorkspaceStatus.RUNNING),
            (EventKind.STOPPED, WorkspaceStatus.EXITED),
            (EventKind.STARTED, WorkspaceStatus.RUNNING),
            (EventKind.STOPPED, WorkspaceStatus.EXITED),
            (EventKind.REMOVED, WorkspaceStatus.NOT_FOUND),
        ]
        for event in events.of(workspace):
            assert (event.workspace.name, event.workspace.app) == (options.name, "shop")
            assert event.workspace.workspace == options.workspace_name
        times = [event.time for event in events.of(workspace)]
        assert times == sorted(times)
        assert times[0] > 0

    def test_events_tell_the_exit_code(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """How the main process ended: by itself, asked to, or killed from outside."""
        events = bench.events()
        path = bench.path()
        alone = bench.start(command=["sh", "-c", f"while [ ! -e {path} ]; do sleep 0.02; done; exit 3"])
        asked, killed = bench.start(), bench.start()
        bench.let_end(alone, path)
        runtime.stop_workspace(asked)
        bench.subject.outside.kill(killed)
        for workspace, code in ((alone, 3), (asked, 143), (killed, 137)):
            assert events.wait_for(EventKind.STOPPED, workspace).workspace.exit_code == code

    def test_events_tell_what_others_do(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Paused, resumed and removed behind the runtime's back."""
        require(runtime, "pause")
        workspace = bench.start()
        events = bench.events()
        outside = bench.subject.outside
        outside.pause(workspace)
        assert events.wait_for(EventKind.PAUSED, workspace).workspace.status is WorkspaceStatus.PAUSED
        outside.unpause(workspace)
        assert events.wait_for(EventKind.RESUMED, workspace).workspace.status is WorkspaceStatus.RUNNING
        outside.remove(workspace)
        assert events.wait_for(EventKind.REMOVED, workspace).workspace.status is WorkspaceStatus.NOT_FOUND

    def test_events_are_of_workspaces_alone(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Other people's containers are nobody's business."""
        events = bench.events()
        foreign = bench.foreign(bench.name())
        bench.subject.outside.kill(foreign)
        bench.subject.outside.remove(foreign)
        workspace = bench.start()
        events.wait_for(EventKind.STARTED, workspace)
        assert events.of(foreign) == []

    def test_events_of_a_replacement(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A workspace that is recreated is told of under its own name, and the old one is removed."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        events = bench.events()
        new = bench.start(workspace_name=name, env={"WHICH": "new"})
        events.wait_for(EventKind.REMOVED, old)
        assert events.wait_for(EventKind.STARTED, new).workspace.name == f"dvm-{name}"

    def test_events_reach_every_watcher(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Two watches of two runtimes tell the same."""
        with bench.subject.new_runtime() as second:
            logs = [bench.events(), bench.events(second)]
            workspace = bench.start()
            for log in logs:
                log.wait_for(EventKind.STARTED, workspace)
                log.close()

    def test_events_have_a_snapshot(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The watch knows the workspaces from the beginning, and follows its events."""
        first = bench.start()
        events = bench.events()
        assert first in [info.id for info in events.watch.snapshot()]
        second = bench.start()
        bench.subject.outside.remove(first)
        events.wait_for(EventKind.STARTED, second)
        events.wait_for(EventKind.REMOVED, first)
        known = {info.id: info.status for info in events.watch.snapshot()}
        assert first not in known
        assert known[second] is WorkspaceStatus.RUNNING

    # Its end

    def test_events_end_when_closed(self, runtime: ContainerRuntime) -> None:
        """``close``, from another thread and more than once, ends the iteration without an error."""
        watch = runtime.watch_workspaces(timeout=LIMIT)
        log = EventLog(watch)
        watch.close()
        log.wait_for_end()
        watch.close()
        assert list(watch) == []
        log.close()

    @pytest.mark.parametrize("kind", [CancelToken, threading.Event])
    def test_events_end_when_cancelled(self, runtime: ContainerRuntime, kind: type[threading.Event]) -> None:
        """``cancel`` ends the iteration as ``close`` does."""
        cancel = kind()
        log = EventLog(runtime.watch_workspaces(timeout=LIMIT, cancel=cancel))
        cancel.set()
        log.wait_for_end()
        log.close()

    def test_events_cannot_begin_cancelled(self, runtime: ContainerRuntime) -> None:
        """With the event set already, there is no watch."""
        cancel = CancelToken()
        cancel.set()
        with pytest.raises(OperationCancelledError):
            runtime.watch_workspaces(cancel=cancel)

    def test_events_end_with_the_runtime(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Closing the runtime ends its watches."""
        second = bench.subject.new_runtime()
        log = EventLog(second.watch_workspaces(timeout=LIMIT))
        second.close()
        log.wait_for_end()
        log.close()

    def test_events_come_while_nobody_listens(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What happened between opening a watch and reading it is not lost."""
        with runtime.watch_workspaces(timeout=LIMIT) as watch:
            workspace = bench.start()
            runtime.stop_workspace(workspace)
            end = time.monotonic() + LIMIT
            told = []
            for event in watch:
                assert time.monotonic() < end
                if event.workspace.id == workspace:
                    told.append(event.kind)
                if event.kind is EventKind.STOPPED:
                    break
        assert told == [EventKind.CREATED, EventKind.STARTED, EventKind.STOPPED]
