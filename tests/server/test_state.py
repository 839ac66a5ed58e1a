"""The live state and the selection of the runtime, in this process over the mock engine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.wire_client import PATIENCE

from dvm_runtimes import StartOptions
from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    InvalidOptionError,
    OperationCancelledError,
    RuntimeUnavailableError,
)
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.infos import EventKind, WorkspaceEvent, WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.validation.naming import HOST
from dvm_runtimes.workspaces.watching import WorkspaceWatch
from dvm_server import selection
from dvm_server.commands import targets
from dvm_server.live_state import LiveState, find
from dvm_server.selection import Selection, State


def info(identifier: str, name: str = "", workspace: str = "", **more: Any) -> WorkspaceInfo:
    status = more.pop("status", WorkspaceStatus.RUNNING)
    return WorkspaceInfo(identifier, name or f"dvm-{identifier}", status, "x", workspace=workspace, **more)


def test_a_workspace_is_found_by_the_runtimes_own_rules() -> None:
    infos = [info("abc1", "one", "dev"), info("abc2", "two", "abc1x"), info("bcd1", "three", "dev")]
    assert find(infos, "two") is infos[1]
    assert find(infos, "bc") is infos[2]
    assert find(infos, "abc1x") is infos[1]
    assert find(infos, "nobody") is None
    with pytest.raises(InvalidOptionError, match="2 workspaces"):
        find(infos, "dev")
    with pytest.raises(LookupError):
        find(infos, "abc")


def test_the_state_follows_events_and_answers_only_while_it_is_live() -> None:
    live = LiveState()
    assert (live.live, live.infos()) == (False, None)
    with pytest.raises(LookupError):
        live.find("a")
    live.begin([info("a", "z"), info("b", "y")])
    assert live.live
    assert [one.name for one in live.infos() or []] == ["y", "z"]
    stopped = info("a", "z", status=WorkspaceStatus.EXITED)
    live.apply(WorkspaceEvent(EventKind.STOPPED, stopped, 0))
    assert live.find("a") is stopped
    gone = info("b", "y", status=WorkspaceStatus.NOT_FOUND)
    live.apply(WorkspaceEvent(EventKind.REMOVED, gone, 0))
    assert live.find("b") is None
    live.pause()
    assert live.infos() is None


def test_who_changed_something_waits_for_its_event() -> None:
    live = LiveState()
    live.begin([info("a", started=1.0)])
    restarted = info("a", started=2.0)
    shown = threading.Event()

    def wait() -> None:
        live.await_state(restarted, PATIENCE)
        shown.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    live.apply(WorkspaceEvent(EventKind.STOPPED, info("a", status=WorkspaceStatus.EXITED), 0))
    assert not shown.is_set()
    live.apply(WorkspaceEvent(EventKind.STARTED, restarted, 0))
    assert shown.wait(PATIENCE)
    waiting.join()
    # A state that is not live is not waited for, and one that never comes only so long.
    live.await_state(info("a", status=WorkspaceStatus.NOT_FOUND), 0.01)
    live.pause()
    live.await_state(info("nobody"), PATIENCE)


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DVM_APP", "DVM_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "api"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(folder)
    unlabelled = info("u", workspace="api")
    own = info("i", workspace="api", labels=FolderIdentity.of(folder).labels)
    others = [
        info("o", workspace="api", labels=FolderIdentity.of("/elsewhere/api").labels),
        info("h", workspace="api", labels={**own.labels, HOST: "that-of-another-host"}),
        unlabelled,
    ]
    assert targets.folder_workspace(others, str(folder)) is None
    assert targets.folder_workspace([*others, own], str(link)) is own
    with pytest.raises(InvalidOptionError, match="no folder is open"):
        targets.resolve_target([own], None)
    monkeypatch.setenv("DVM_WORKSPACE", "api")
    assert targets.resolve_target([unlabelled], None) is unlabelled
    with pytest.raises(InvalidOptionError, match="2 workspaces"):
        targets.resolve_target([own, unlabelled], None)


class Listener:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, Any]] = queue.Queue()

    def runtime_changed(self, state: State) -> None:
        self.told.put(("runtime", state))

    def watching(self, watch: WorkspaceWatch) -> None:
        self.told.put(("watching", len(watch.snapshot())))

    def not_watching(self) -> None:
        self.told.put(("not watching", None))

    def workspace_changed(self, event: WorkspaceEvent) -> None:
        self.told.put(("workspace", str(event.kind)))

    def next(self, what: str) -> Any:
        while True:
            name, value = self.told.get(timeout=PATIENCE)
            if name == what:
                return value


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def chosen(listener: Listener, request: pytest.FixtureRequest) -> Iterator[Selection]:
    chosen = Selection(f"mock:{abs(hash(request.node.nodeid))}", listener)
    yield chosen
    chosen.close()


def test_a_runtime_is_found_watched_and_changed(chosen: Selection, listener: Listener) -> None:
    assert chosen.state.state == "connecting"
    chosen.start()
    assert listener.next("watching") == 0
    assert listener.next("runtime").state == "ready"
    with chosen.use(CancelToken()) as runtime:
        runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
        assert [listener.next("workspace"), listener.next("workspace")] == ["created", "started"]
        # The one in use stays open until it is let go of.
        chosen.select("mock:another-one", threading.Event())
        assert runtime.version() == "mock"
    assert listener.next("runtime").platform_name == "Mock (another-one)"
    with chosen.use(CancelToken()) as runtime:
        assert runtime.list_workspaces() == []
    with pytest.raises(InvalidOptionError):
        chosen.select("nobody", threading.Event())


def test_auto_takes_what_the_environment_names(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVM_RUNTIME", "mock")
    chosen = Selection("auto", listener)
    try:
        chosen.start()
        assert listener.next("runtime").runtime == "mock"
    finally:
        chosen.close()


class Unsteady:
    """Stands for `create_runtime` on a machine whose engine comes and goes."""

    def __init__(self) -> None:
        self.there = self.broken = False
        self.requested = threading.Semaphore(0)

    def __call__(self, which: str, **limits: object) -> MockRuntime:
        self.requested.release()
        if self.broken:
            raise TypeError("a defect of a plugin")
        if not self.there:
            raise RuntimeUnavailableError("nothing answers", hint="start it")
        return MockRuntime()


@pytest.fixture
def unsteady(monkeypatch: pytest.MonkeyPatch) -> Unsteady:
    made = Unsteady()
    monkeypatch.setattr("dvm_runtimes.discovery.factory.create_runtime", made)
    return made


def test_an_engine_that_is_not_there_yet(chosen: Selection, listener: Listener, unsteady: Unsteady) -> None:
    chosen.start()
    state = listener.next("runtime")
    assert (state.state, state.message, state.hint) == ("unavailable", "nothing answers", "start it")
    errors: list[DvmError] = []
    for _ in range(2):
        with pytest.raises(RuntimeUnavailableError, match="start it") as caught, chosen.use(CancelToken()):
            pass
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    unsteady.there = True
    with chosen.use(CancelToken()) as runtime:
        assert runtime.version() == "mock"
    assert listener.next("runtime").state == "ready"


def test_a_defect_of_a_plugin_holds_no_command_up(chosen: Selection, listener: Listener, unsteady: Unsteady) -> None:
    unsteady.broken = True
    chosen.start()
    with pytest.raises(EngineError, match="TypeError"), chosen.use(CancelToken()):
        pass
    assert listener.next("runtime").state == "unavailable"
    unsteady.broken, unsteady.there = False, True
    with chosen.use(CancelToken()) as runtime:
        assert runtime.version() == "mock"


def test_it_is_looked_for_without_being_asked(chosen: Selection, listener: Listener, unsteady: Unsteady) -> None:
    chosen.start()
    assert listener.next("runtime").state == "unavailable"
    for _ in range(3):
        assert unsteady.requested.acquire(timeout=PATIENCE)
    unsteady.there = True
    assert listener.next("runtime").state == "ready"


def test_waiting_for_a_runtime_can_be_cancelled(chosen: Selection, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slow(which: str, **limits: object) -> MockRuntime:
        reached.set()
        go_on.wait(PATIENCE)
        return MockRuntime()

    monkeypatch.setattr("dvm_runtimes.discovery.factory.create_runtime", slow)
    chosen.start()
    assert reached.wait(PATIENCE)
    cancel = CancelToken()
    timer = threading.Timer(0, cancel.set)
    timer.start()
    with pytest.raises(OperationCancelledError), chosen.use(cancel):
        pass
    timer.join()
    go_on.set()


def test_the_end_comes_while_somebody_waits(chosen: Selection, unsteady: Unsteady, monkeypatch: Any) -> None:
    monkeypatch.setattr(selection, "_FIRST_RETRY", PATIENCE)
    failed: queue.Queue[BaseException] = queue.Queue()

    def wait() -> None:
        try:
            with chosen.use(CancelToken()):
                pass
        except DvmError as error:
            failed.put(error)

    # Never started: only the end can end the wait.
    waiting = threading.Thread(target=wait)
    waiting.start()
    chosen.close()
    assert isinstance(failed.get(timeout=PATIENCE), OperationCancelledError)
    waiting.join(PATIENCE)


def test_a_runtime_without_events_is_used_all_the_same(
    chosen: Selection, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from dvm_runtimes.engines.mock.engine import MockEngine

    able = dataclasses.replace(MockRuntime().capabilities, events=False)
    monkeypatch.setattr(MockEngine, "capabilities", property(lambda self: able))
    chosen.start()
    assert listener.next("runtime").state == "ready"
    with chosen.use(CancelToken()) as runtime:
        assert runtime.list_workspaces() == []


def test_a_runtime_that_goes_before_it_is_watched(
    chosen: Selection, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvm_runtimes.runtime import ContainerRuntime

    watch = ContainerRuntime.watch_workspaces
    failures = iter([RuntimeUnavailableError("just gone"), RuntimeUnavailableError("still gone")])

    def unsteady_watch(self: Any, **given: Any) -> WorkspaceWatch:
        for error in failures:
            raise error
        return watch(self, **given)

    monkeypatch.setattr(MockRuntime, "watch_workspaces", unsteady_watch)
    chosen.start()
    assert listener.next("runtime").message == "just gone"
    assert listener.next("runtime").message == "still gone"
    assert listener.next("runtime").state == "ready"
