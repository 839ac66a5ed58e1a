"""What a test can let go wrong, and that it goes wrong as on a real engine."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dvm_runtimes import (
    CancelToken,
    EngineError,
    EventKind,
    LogLine,
    OperationCancelledError,
    OperationTimeoutError,
    RuntimeUnavailableError,
    StartOptions,
    WorkspaceNotRunningError,
    WorkspaceStatus,
)
from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.testing.eventlog import EventLog

LIMIT = 60.0


def options(name: str = "dev", **changes: object) -> StartOptions:
    return StartOptions(image_name="mock:latest", workspace_name=name, **changes)  # type: ignore[arg-type]


# Unavailable


def test_an_engine_that_does_not_answer(runtime: MockRuntime, workspace: str) -> None:
    runtime.mock.make_unavailable()
    for call in (runtime.version, runtime.list_workspaces, lambda: runtime.start_workspace(options("other"))):
        with pytest.raises(RuntimeUnavailableError, match="make_available") as caught:
            call()
        assert caught.value.operation
    runtime.mock.make_available()
    assert runtime.get_workspace_status(workspace) is WorkspaceStatus.RUNNING
    assert [info.workspace for info in runtime.list_workspaces()] == ["dev"]


def test_what_is_open_breaks(runtime: MockRuntime, workspace: str) -> None:
    running = threading.Event()
    script = ["sh", "-c", "echo ready; sleep 600"]
    with ThreadPoolExecutor(3) as pool:
        from dvm_runtimes import ExecOptions

        tell = ExecOptions(on_stdout=lambda piece: running.set())
        command = pool.submit(runtime.exec_in_workspace, workspace, script, tell, timeout=LIMIT)
        logs = pool.submit(lambda: list(runtime.workspace_logs(workspace, follow=True, timeout=LIMIT)))
        assert running.wait(LIMIT)
        terminal = runtime.open_terminal(workspace)
        runtime.mock.make_unavailable()
        for broken in (command, logs):
            with pytest.raises(RuntimeUnavailableError):
                broken.result(LIMIT)
        with pytest.raises(terminal.EOF):
            terminal.expect_exact("never printed", timeout=LIMIT)
        assert isinstance(terminal.error, RuntimeUnavailableError)
        terminal.close()
        runtime.mock.make_available()


def test_a_watch_comes_back_and_tells_what_it_missed(runtime: MockRuntime, workspace: str) -> None:
    told: list[bool] = []
    connected = threading.Event()

    def on_connection(up: bool, text: str) -> None:
        assert text
        told.append(up)
        if up:
            connected.set()

    log = EventLog(runtime.watch_workspaces(on_connection=on_connection))
    other = runtime.start_workspace(options("other"))
    log.wait_for(EventKind.STARTED, other)
    runtime.mock.make_unavailable()
    runtime.mock.kill(workspace)
    runtime.mock.remove(other)
    foreign = runtime.mock.create_foreign("foreign")
    runtime.mock.make_available()
    assert log.wait_for(EventKind.STOPPED, workspace).workspace.exit_code == 137
    assert log.wait_for(EventKind.REMOVED, other).workspace.status is WorkspaceStatus.NOT_FOUND
    assert connected.wait(LIMIT)
    assert log.of(foreign) == []
    assert told == [False, True]
    third = runtime.start_workspace(options("third"))
    log.wait_for(EventKind.STARTED, third)
    log.close()


def test_an_event_stream_that_breaks_is_opened_anew(runtime: MockRuntime, workspace: str) -> None:
    log = EventLog(runtime.watch_workspaces())
    for number in range(3):
        runtime.mock.break_event_stream()
        made = runtime.start_workspace(options(f"after-{number}"))
        log.wait_for(EventKind.STARTED, made)
    assert [event.kind for event in log.of(workspace)] == []
    log.close()


# Slow


@pytest.mark.parametrize("method", ["list_workspaces", "list_containers"])
def test_a_slow_call_keeps_to_its_limits(runtime: MockRuntime, method: str) -> None:
    runtime.mock.slow(method, 600)
    with pytest.raises(OperationTimeoutError) as caught:
        runtime.list_workspaces(timeout=0.2)
    assert caught.value.operation == "list_workspaces"
    cancel = CancelToken()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(runtime.list_workspaces, timeout=LIMIT, cancel=cancel)
        cancel.set()
        with pytest.raises(OperationCancelledError):
            waiting.result(LIMIT)
        # Ending the fault lets those go on who still wait.
        going_on = pool.submit(runtime.list_workspaces, timeout=LIMIT)
        runtime.mock.slow(method, 0)
        assert going_on.result(LIMIT) == []
    assert runtime.list_workspaces(timeout=LIMIT) == []


@pytest.mark.parametrize("step", ["create_container", "start_container", "inspect_container", "inspect_image"])
def test_a_start_that_is_slow_at_any_step_leaves_nothing(runtime: MockRuntime, step: str) -> None:
    runtime.mock.slow(step, 600)
    with pytest.raises(OperationTimeoutError):
        runtime.start_workspace(options(), timeout=0.2)
    runtime.mock.slow(step, 0)
    assert runtime.list_workspaces() == []


def test_a_slow_engine_still_gets_there(runtime: MockRuntime) -> None:
    runtime.mock.slow("create_container", 0.05)
    assert runtime.get_workspace_status(runtime.start_workspace(options())) is WorkspaceStatus.RUNNING


# Failures


@pytest.mark.parametrize("step", ["create_container", "start_container"])
def test_a_step_that_fails_once(runtime: MockRuntime, step: str) -> None:
    runtime.mock.fail_next(step, EngineError("no space left on device", detail="disk full"))
    with pytest.raises(EngineError, match="no space left") as caught:
        runtime.start_workspace(options())
    assert caught.value.operation == "start_workspace"
    assert runtime.list_workspaces() == []
    assert runtime.start_workspace(options())


def test_failures_come_in_order(runtime: MockRuntime) -> None:
    for word in ("first", "second"):
        runtime.mock.fail_next("version", EngineError(word))
    for word in ("first", "second"):
        with pytest.raises(EngineError, match=word):
            runtime.version()
    assert runtime.version() == "mock"


def test_one_stop_that_fails_does_not_hide_the_rest(runtime: MockRuntime) -> None:
    for number in range(3):
        runtime.start_workspace(options(f"w{number}"))
    runtime.mock.fail_next("stop_container", EngineError("device or resource busy"))
    result = runtime.stop_all_workspaces()
    assert len(result.stopped) == 2
    ((name, reason),) = result.failed.items()
    assert name not in result.stopped
    assert "busy" in reason
    assert runtime.get_workspace_status(name) is WorkspaceStatus.RUNNING


@pytest.mark.parametrize(
    "step", ["create_container", "stop_container", "rename_container", "start_container", "inspect_container"]
)
def test_a_replacement_that_fails_at_any_step_keeps_the_old_one(runtime: MockRuntime, step: str) -> None:
    old = runtime.start_workspace(options())
    if step == "inspect_container":
        # The first look finds the old one, the second is the one before the change of places.
        failing = iter([False, True])
        inspect = runtime.engine.inspect_container

        def look(op: object, reference: str) -> object:
            if next(failing, False):
                raise EngineError("lost")
            return inspect(op, reference)  # type: ignore[arg-type]

        runtime.engine.inspect_container = look  # type: ignore[assignment, method-assign]
    else:
        runtime.mock.fail_next(step, EngineError("lost"))
    with pytest.raises(EngineError, match="lost"):
        runtime.start_workspace(options(env={"A": "1"}))
    (info,) = runtime.list_workspaces()
    assert (info.id, info.name, info.status) == (old, "dvm-dev", WorkspaceStatus.RUNNING)


# Death


def test_what_dies_after_its_start(runtime: MockRuntime) -> None:
    runtime.mock.die_after_start(3, "no luck\n")
    with pytest.raises(WorkspaceNotRunningError, match="exit code 3") as caught:
        runtime.start_workspace(options(ready=LogLine("never")))
    assert caught.value.logs == "no luck"
    assert runtime.list_workspaces() == []
    assert runtime.start_workspace(options())


def test_a_reset_forgets_all(runtime: MockRuntime, workspace: str) -> None:
    runtime.mock.make_unavailable()
    runtime.mock.slow("version", 600)
    runtime.mock.fail_next("version", EngineError("lost"))
    runtime.mock.die_after_start()
    runtime.mock.reset()
    assert runtime.mock.calls == []
    assert runtime.version() == "mock"
    assert runtime.list_workspaces() == []
    assert not runtime.mock.exists(workspace)
    assert runtime.start_workspace(options())
