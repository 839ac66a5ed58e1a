"""Corners of a start that no healthy engine shows: dead and vanishing containers, lost answers, endless races."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dvm_runtimes import (
    EngineError,
    ImageNotFoundError,
    NameConflictError,
    OperationTimeoutError,
    RuntimeUnavailableError,
    StartOptions,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
    WorkspaceStatus,
)
from dvm_runtimes.engines.base import ContainerSpec
from dvm_runtimes.engines.mock import MockEngine, MockRuntime
from dvm_runtimes.engines.specs import KEEP_ALIVE_AS_INIT, MissingInitError
from dvm_runtimes.operation import Operation


@pytest.fixture
def runtime() -> Iterator[MockRuntime]:
    with MockRuntime() as runtime:
        yield runtime


def options(**changes: Any) -> StartOptions:
    return StartOptions(**{"image_name": "mock:latest", "workspace_name": "dev", **changes})


def engine_of(runtime: MockRuntime) -> MockEngine:
    engine = runtime.engine
    assert isinstance(engine, MockEngine)
    return engine


def test_a_dead_one_is_replaced(runtime: MockRuntime) -> None:
    old = runtime.start_workspace(options())
    runtime.stop_workspace(old)
    engine_of(runtime).world.get(old).status = WorkspaceStatus.DEAD
    new = runtime.start_workspace(options())
    assert new != old
    assert [info.id for info in runtime.list_workspaces()] == [new]


def test_another_start_that_is_just_bringing_it_up_is_waited_for(runtime: MockRuntime) -> None:
    """Podman has a state in between, in which it refuses to start what is not running yet."""
    stopped = runtime.start_workspace(options())
    runtime.stop_workspace(stopped)
    runtime.mock.fail_next("start_container", WorkspaceNotRunningError("must be in Created or Stopped state"))
    assert runtime.start_workspace(options()) == stopped
    assert runtime.list_workspaces()[0].status is WorkspaceStatus.RUNNING


def test_one_that_is_being_removed_is_waited_out(runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    old = runtime.start_workspace(options())
    world = engine_of(runtime).world
    runtime.stop_workspace(old)
    world.get(old).status = WorkspaceStatus.REMOVING
    inspect = MockEngine.inspect_container
    looks: list[str] = []

    def look(self: MockEngine, op: Operation, reference: str) -> Any:
        looks.append(reference)
        if len(looks) == 3:
            world.containers.pop(old)
        return inspect(self, op, reference)

    monkeypatch.setattr(MockEngine, "inspect_container", look)
    assert runtime.start_workspace(options()) != old


def test_a_race_that_never_ends_is_an_error(runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: MockEngine, op: Operation, container: str) -> None:
        self.world.containers.pop(container, None)
        raise WorkspaceNotFoundError("somebody removed it")

    monkeypatch.setattr(MockEngine, "start_container", gone)
    monkeypatch.setattr("dvm_runtimes.workspaces.starting._PAUSES", (0, 0.001, 0.001))
    with pytest.raises(EngineError, match="by somebody else at the same time"):
        runtime.start_workspace(options())


def test_a_name_that_is_taken_before_it_is_seen_is_waited_for(
    runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker gives a name away at once, and shows its container when the disk has it."""
    create = MockEngine.create_container
    shown = time.monotonic() + 0.5

    def taken(self: MockEngine, op: Operation, spec: ContainerSpec) -> str:
        if time.monotonic() < shown:
            raise NameConflictError("the name is in use")
        return create(self, op, spec)

    monkeypatch.setattr(MockEngine, "create_container", taken)
    workspace = runtime.start_workspace(options())
    assert runtime.get_workspace_status(workspace) is WorkspaceStatus.RUNNING


def test_a_start_that_waits_for_a_name_ends_in_time(runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(self: MockEngine, op: Operation, spec: ContainerSpec) -> str:
        raise NameConflictError("the name is in use")

    monkeypatch.setattr(MockEngine, "create_container", taken)
    with pytest.raises(OperationTimeoutError):
        runtime.start_workspace(options(), timeout=0.2)


@pytest.mark.parametrize("drifted", [False, True])
def test_an_answer_that_was_lost_leaves_nothing(
    runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch, drifted: bool
) -> None:
    before = [runtime.start_workspace(options(env={"A": "1"}))] if drifted else []
    create = MockEngine.create_container

    def lost(self: MockEngine, op: Operation, spec: ContainerSpec) -> str:
        create(self, op, spec)
        raise RuntimeUnavailableError("the connection broke before the answer")

    monkeypatch.setattr(MockEngine, "create_container", lost)
    with pytest.raises(RuntimeUnavailableError):
        runtime.start_workspace(options())
    assert [info.id for info in runtime.list_workspaces()] == before


def test_cleaning_up_does_not_take_what_is_anothers(runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def lost(self: MockEngine, op: Operation, spec: ContainerSpec) -> str:
        # Somebody else takes the name in the moment in which our request is lost.
        made.append(runtime.mock.create_foreign(spec.name))
        raise RuntimeUnavailableError("the connection broke before the request")

    monkeypatch.setattr(MockEngine, "create_container", lost)
    with pytest.raises(RuntimeUnavailableError):
        runtime.start_workspace(options())
    assert runtime.mock.is_running(made[0])


@pytest.mark.parametrize("problem", [EngineError("busy"), RuntimeUnavailableError("gone")])
def test_cleaning_up_that_fails_does_not_hide_the_reason(
    runtime: MockRuntime, problem: EngineError | RuntimeUnavailableError
) -> None:
    runtime.mock.fail_next("start_container", EngineError("no space left on device"))
    runtime.mock.fail_next("remove_container", problem)
    with pytest.raises(EngineError, match="no space left"):
        runtime.start_workspace(options())


def test_one_that_another_start_has_put_aside_stays_stopped(
    runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = runtime.start_workspace(options(env={"A": "1"}))
    create = MockEngine.create_container
    others: list[str] = []

    def second(self: MockEngine, op: Operation, spec: ContainerSpec) -> str:
        # Another start replaces it while ours makes the new one.
        self.stop_container(op, old, 0)
        self.rename_container(op, old, "aside")
        others.append(create(self, op, dataclasses.replace(spec, name="dvm-dev")))
        self.start_container(op, others[0])
        return create(self, op, spec)

    monkeypatch.setattr(MockEngine, "create_container", second)
    assert runtime.start_workspace(options()) == others[0]
    assert runtime.get_workspace_status(old) is WorkspaceStatus.EXITED
    assert {info.id for info in runtime.list_workspaces()} == {old, others[0]}


def test_the_default_limit_does_not_count_a_pull(runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvm_runtimes.runtime.SLOW", 2.5)
    runtime.mock.add_pullable("registry.test/app:1")
    runtime.mock.slow("pull_image", 3)
    started = runtime.start_workspace(options(image_name="registry.test/app:1"), timeout=2.5)
    assert runtime.get_workspace_status(started) is WorkspaceStatus.RUNNING
    runtime.mock.slow("inspect_image", 600)
    with pytest.raises(OperationTimeoutError):
        runtime.start_workspace(options(workspace_name="other"), timeout=0.2)


def test_a_limit_of_the_callers_counts_a_pull(runtime: MockRuntime) -> None:
    runtime.mock.add_pullable("registry.test/app:1")
    runtime.mock.slow("pull_image", 600)
    with pytest.raises(OperationTimeoutError, match=r"within 0.2 s while pulling registry.test/app:1"):
        runtime.start_workspace(options(image_name="registry.test/app:1"), timeout=0.2)


def test_a_pull_that_is_asked_for_always_happens(runtime: MockRuntime) -> None:
    first = runtime.mock.add_image("registry.test/app:1")
    second = runtime.mock.add_pullable("registry.test/app:1")
    asked: Callable[[], str | None] = lambda: next(  # noqa: E731
        (image.id for image in runtime.list_images() if "registry.test/app:1" in image.tags), None
    )
    runtime.start_workspace(options(image_name="registry.test/app:1"))
    assert asked() == first
    runtime.start_workspace(options(image_name="registry.test/app:1", pull="always"))
    assert asked() == second
    with pytest.raises(ImageNotFoundError):
        runtime.start_workspace(options(workspace_name="other", image_name="nobody/has:1", pull="always"))


@pytest.mark.parametrize("step", ["create_container", "start_container"])
def test_an_engine_without_an_init_program(runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The keep-alive is PID 1 then and ends at once on SIGTERM, and the next start finds nothing changed."""
    original: Callable[..., Any] = getattr(MockEngine, step)

    def refuse(self: MockEngine, op: Operation, subject: Any) -> Any:
        spec = subject if isinstance(subject, ContainerSpec) else self.world.get(subject).spec
        if spec.init:
            raise MissingInitError("no init program")
        return original(self, op, subject)

    monkeypatch.setattr(MockEngine, step, refuse)
    workspace = runtime.start_workspace(options())
    assert runtime.start_workspace(options()) == workspace
    assert [info.id for info in runtime.list_workspaces()] == [workspace]
    began = engine_of(runtime).world.get(workspace).spec
    assert (began.init, began.entrypoint) == (False, KEEP_ALIVE_AS_INIT)
    runtime.stop_workspace(workspace, grace=60, timeout=30)
    assert runtime.list_workspaces()[0].exit_code == 143


def test_starts_of_one_name_take_turns(runtime: MockRuntime) -> None:
    runtime.mock.slow("create_container", 600)
    with pytest.raises(OperationTimeoutError):
        runtime.start_workspace(options(), timeout=0.2)
    runtime.mock.slow("create_container", 0)
    assert runtime.start_workspace(options())
