"""The mock's own ways: engines that are shared by name, images with content, and what somebody else does."""

from __future__ import annotations

import secrets

import pytest

from dvm_runtimes import (
    EngineError,
    HealthCheck,
    ImageNotFoundError,
    RuntimeUnavailableError,
    StartOptions,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
    WorkspaceStatus,
    create_runtime,
)
from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.operation import Operation


def options(name: str = "dev", **changes: object) -> StartOptions:
    return StartOptions(**{"image_name": "mock:latest", "workspace_name": name, **changes})  # type: ignore[arg-type]


# Which engine


def test_without_a_name_each_has_its_own_engine() -> None:
    with create_runtime("mock") as first, create_runtime("mock") as second:
        first.start_workspace(options())
        assert second.list_workspaces() == []
        assert (first.platform_name, first.endpoint) == ("Mock", "mock://")


def test_a_name_shares_one_engine() -> None:
    name = f"shared-{secrets.token_hex(4)}"
    with create_runtime(f"mock:{name}") as first, create_runtime(f"mock:{name}") as second:
        assert (second.platform_name, second.endpoint) == (f"Mock ({name})", f"mock://{name}")
        workspace = first.start_workspace(options())
        assert second.start_workspace(options()) == workspace
        first.close()
        assert second.get_workspace_status(workspace) is WorkspaceStatus.RUNNING
        second.remove_workspace(workspace, force=True)


def test_the_mock_takes_no_options_of_its_own() -> None:
    with pytest.raises(InvalidOptionError, match="endpoint"):
        create_runtime("mock", endpoint="unix:///x")


def test_closing_one_of_its_own_ends_everything() -> None:
    runtime = MockRuntime()
    workspace = runtime.start_workspace(options())
    runtime.close()
    assert not runtime.mock.exists(workspace)
    with pytest.raises(RuntimeUnavailableError, match="closed"):
        runtime.list_workspaces()


# Images


def test_an_image_has_what_it_was_given(runtime: MockRuntime) -> None:
    made = runtime.mock.add_image(
        "lab/app:1",
        files={"/etc/app.conf": "a=1\n", "/bin/hello": "#!/bin/sh\necho hello $1\n", "/data/raw": b"\0\1"},
        entrypoint=["hello"],
        command=["world"],
        env={"COLOUR": "red"},
        labels={"team": "blue"},
        user="dev",
        working_dir="/data",
        volumes=["/data"],
    )
    (image,) = (image for image in runtime.list_images() if "lab/app:1" in image.tags)
    assert (image.id, image.entrypoint, image.command, image.user) == (made, ("hello",), ("world",), "dev")
    assert dict(image.labels) == {"team": "blue"}
    assert image.size > 0
    # An empty volume gets what the image has at its place.
    workspace = runtime.start_workspace(options(image_name="lab/app:1", working_dir="/data"))
    script = "cat /etc/app.conf; hello there; echo $COLOUR; wc -c < raw"
    result = runtime.exec_in_workspace(workspace, ["sh", "-c", script])
    assert result.stdout.decode().split() == ["a=1", "hello", "there", "red", "2"]
    assert len(runtime.mock.volumes_of(workspace)) == 1


def test_names_move_and_are_shared(runtime: MockRuntime) -> None:
    first = runtime.mock.add_image("lab/app")
    second = runtime.mock.add_image("lab/app:latest")
    assert first != second
    runtime.mock.tag("lab/app", "localhost:5000/other:2")
    runtime.mock.tag(first, "docker.io/library/older")
    names = {image.id: set(image.tags) for image in runtime.list_images()}
    assert names[second] == {"lab/app:latest", "localhost:5000/other:2"}
    assert names[first] == {"older:latest"}
    with pytest.raises(ImageNotFoundError):
        runtime.mock.tag("nobody/knows", "x:1")


def test_a_pullable_image_is_only_in_the_registry(runtime: MockRuntime) -> None:
    made = runtime.mock.add_pullable("registry.test/app:1", labels={"a": "b"})
    assert not runtime.image_exists("registry.test/app:1")
    assert not runtime.image_exists(made)
    assert runtime.pull_image("registry.test/app:1").id == made


def test_a_used_image_keeps_its_files(runtime: MockRuntime) -> None:
    image = runtime.mock.add_image("lab/app:1")
    workspace = runtime.start_workspace(options(image_name="lab/app:1"))
    with pytest.raises(EngineError, match="used by"):
        runtime.remove_image(image, force=True)
    runtime.remove_image("lab/app:1", force=True)
    assert not runtime.image_exists("lab/app:1")
    assert runtime.exec_in_workspace(workspace, ["true"]).exit_code == 0
    runtime.stop_workspace(workspace)
    with pytest.raises(EngineError, match="used by"):
        runtime.remove_image(image)


def test_health_follows_the_command(runtime: MockRuntime) -> None:
    runtime.mock.add_image("lab/well:1", health=["test", "-e", "/tmp/well"], health_interval=0.02)
    runtime.mock.add_image("lab/hangs:1", health=["sleep", "600"], health_interval=0.02)
    with pytest.raises(WorkspaceNotRunningError, match="health"):
        runtime.start_workspace(options("ill", image_name="lab/well:1", ready=HealthCheck()), timeout=60)
    command = ["sh", "-c", "touch /tmp/well; exec sleep infinity"]
    well = options("well", image_name="lab/well:1", command=command, ready=HealthCheck())
    assert runtime.start_workspace(well, timeout=60)


# Somebody else


def test_controls_name_what_is_not_there(runtime: MockRuntime) -> None:
    for control in (runtime.mock.kill, runtime.mock.pause, runtime.mock.unpause, runtime.mock.volumes_of):
        with pytest.raises(WorkspaceNotFoundError, match="nobody"):
            control("nobody")
    runtime.mock.remove("nobody")
    runtime.mock.remove_volume("nobody")
    assert not runtime.mock.exists("nobody")
    assert not runtime.mock.is_running("nobody")


def test_states_refuse_what_does_not_fit(runtime: MockRuntime, workspace: str) -> None:
    with pytest.raises(EngineError, match="resumed"):
        runtime.mock.unpause(workspace)
    runtime.mock.pause(workspace)
    with pytest.raises(EngineError, match="paused"):
        runtime.mock.pause(workspace)
    # Docker's own rule; a start of ours resumes it first.
    with Operation("test") as op, pytest.raises(EngineError, match="paused"):
        runtime.engine.start_container(op, workspace)
    runtime.mock.kill(workspace)
    with pytest.raises(WorkspaceNotRunningError):
        runtime.mock.kill(workspace)


def test_a_restarting_container_runs_again_and_again(runtime: MockRuntime) -> None:
    made = runtime.mock.create_restarting("again", {})
    with Operation("test", timeout=60) as op:
        assert runtime.engine.wait_container(op, made) == 1
        runtime.engine.stop_container(op, made, 1)
        found = runtime.engine.inspect_container(op, made)
    assert found is not None
    assert found.status is WorkspaceStatus.EXITED


def test_networks_in_use_stay(runtime: MockRuntime) -> None:
    runtime.create_network("lab")
    workspace = runtime.start_workspace(options(network_mode="lab"))
    with pytest.raises(EngineError, match="used by"):
        runtime.remove_network("lab")
    runtime.remove_workspace(workspace, force=True)
    runtime.remove_network("lab")
