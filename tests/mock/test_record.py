"""The record of calls: what the runtime was asked, and what it asked its engine."""

from __future__ import annotations

from dvm_runtimes import ExecOptions, StartOptions
from dvm_runtimes.engines.mock import Call, MockRuntime


def test_calls_of_both_levels_are_recorded(runtime: MockRuntime) -> None:
    options = StartOptions(image_name="mock:latest", workspace_name="dev")
    workspace = runtime.start_workspace(options)
    assert [call.method for call in runtime.mock.calls if call.level == "runtime"] == ["start_workspace"]
    assert [call.method for call in runtime.mock.calls if call.level == "engine"] == [
        "inspect_container",
        "inspect_image",
        "create_container",
        "start_container",
        "inspect_container",
    ]
    (made,) = runtime.mock.calls_of("start_workspace")
    assert made.arguments["options"] == options
    assert runtime.mock.calls_of("start_container")[0].arguments == {"container": workspace}


def test_finding_a_running_one_asks_no_more_than_the_look_up(runtime: MockRuntime) -> None:
    options = StartOptions(image_name="mock:latest", workspace_name="dev")
    runtime.start_workspace(options)
    before = len(runtime.mock.calls)
    runtime.start_workspace(options)
    asked = [call.method for call in runtime.mock.calls[before:] if call.level == "engine"]
    assert asked == ["inspect_container", "inspect_image"]


def test_listing_is_one_request(runtime: MockRuntime) -> None:
    for number in range(5):
        runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name=f"w{number}"))
    before = len(runtime.mock.calls)
    assert len(runtime.list_workspaces()) == 5
    assert [call.method for call in runtime.mock.calls[before:]] == ["list_workspaces", "list_containers"]


def test_secrets_are_not_shown(runtime: MockRuntime) -> None:
    options = StartOptions(image_name="mock:latest", workspace_name="dev", env={"TOKEN": "hunter2"})
    workspace = runtime.start_workspace(options)
    runtime.exec_in_workspace(workspace, ["true"], ExecOptions(env={"OTHER": "hunter3"}))
    (made,) = runtime.mock.calls_of("create_container")
    assert made.arguments["spec"].env["TOKEN"] == "hunter2"
    assert "hunter" not in repr(runtime.mock.calls)
    assert repr(Call("version", {}, "runtime")) == "Call(version(), level='runtime')"
