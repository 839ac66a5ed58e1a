"""What clients are told of changes that others make, on the real server process over the mock engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.wire_client import ON_MOCK, WireClient, serving

DEV = {"imageName": "mock:latest", "workspaceName": "dev"}


@pytest.fixture
def client() -> Iterator[WireClient]:
    claims = {"experimental": {"serverStatusNotification": True}}
    with serving(*ON_MOCK, capabilities=claims) as client:
        assert client.notification("dvm/runtimeChanged")["state"] == "ready"
        yield client


def outside(client: WireClient, what: str, *given: Any) -> Any:
    """Let somebody else do something at the engine."""
    return client.command("mock", {"do": what, "with": list(given)})


def change(client: WireClient) -> tuple[str, str, str]:
    """The next change: cause, workspace and its status."""
    told = client.notification("dvm/workspaceChanged")
    return told["cause"], told["workspace"]["workspace"], told["workspace"]["status"]


def engine_calls(client: WireClient) -> list[str]:
    calls = outside(client, "calls")
    assert isinstance(calls, list)
    return calls


def test_every_change_from_outside_is_told_once_and_in_order(client: WireClient) -> None:
    name = client.command("dvm.workspace.start", DEV)["name"]
    assert [change(client), change(client)] == [("created", "dev", "created"), ("started", "dev", "running")]
    for act, expected in (
        ("pause", ("paused", "dev", "paused")),
        ("unpause", ("resumed", "dev", "running")),
        ("kill", ("stopped", "dev", "exited")),
        ("remove", ("removed", "dev", "not_found")),
    ):
        outside(client, act, name)
        assert change(client) == expected
    client.command("dvm.workspace.list")
    assert not [message for message in client.kept if message["method"] == "dvm/workspaceChanged"]


def test_a_command_answers_after_the_changes_it_made(client: WireClient) -> None:
    for command, argument, status in (
        ("dvm.workspace.start", DEV, "running"),
        ("dvm.workspace.stop", {"workspace": "dev", "grace": 1}, "exited"),
        ("dvm.workspace.restart", {"workspace": "dev"}, "running"),
        ("dvm.workspace.remove", {"workspace": "dev", "force": True}, "not_found"),
    ):
        client.command(command, argument)
        told = [message for message in client.kept if message["method"] == "dvm/workspaceChanged"]
        assert told[-1]["params"]["workspace"]["status"] == status
        assert client.command("dvm.workspace.status", {"workspace": "dev"})["status"] == status


def test_status_list_and_find_ask_no_engine(client: WireClient) -> None:
    identifier = client.command("dvm.workspace.start", DEV)["id"]
    before = engine_calls(client)
    for _ in range(10):
        assert client.command("dvm.workspace.status", {"workspace": "dev"})["status"] == "running"
        assert client.command("dvm.workspace.status", {"workspace": "nobody"})["status"] == "not_found"
        assert client.command("dvm.workspace.find", {"workspace": identifier[:12]})["id"] == identifier
        assert [one["id"] for one in client.command("dvm.workspace.list")] == [identifier]
    assert engine_calls(client) == before


def test_names_that_several_have_are_refused(client: WireClient) -> None:
    for app in ("a", "b"):
        client.command("dvm.workspace.start", {**DEV, "appName": app})
    error = client.failure("dvm.workspace.status", {"workspace": "dev"})
    assert error.code == -32602
    assert "dvm-a-dev, dvm-b-dev" in error.data["hint"]
    assert client.command("dvm.workspace.status", {"workspace": "dvm-b-dev"})["app"] == "b"


def test_a_broken_event_stream_loses_nothing_and_repeats_nothing(client: WireClient) -> None:
    name = client.command("dvm.workspace.start", DEV)["name"]
    client.kept.clear()
    outside(client, "break_event_stream")
    outside(client, "kill", name)
    assert change(client) == ("stopped", "dev", "exited")
    outside(client, "remove", name)
    assert change(client) == ("removed", "dev", "not_found")
    assert client.command("dvm.workspace.list") == []
    states = [message["params"]["state"] for message in client.kept if message["method"] == "dvm/runtimeChanged"]
    assert states in ([], ["unavailable", "ready"])


def test_an_engine_that_goes_and_comes_back(client: WireClient) -> None:
    client.command("dvm.workspace.start", DEV)
    client.command("dvm.workspace.start", {**DEV, "workspaceName": "other"})
    client.kept.clear()
    outside(client, "make_unavailable")
    gone = client.notification("dvm/runtimeChanged")
    assert (gone["runtime"], gone["state"]) == ("mock", "unavailable")
    assert gone["message"]
    assert gone["hint"]
    error = client.failure("dvm.workspace.status", {"workspace": "dev"})
    assert (error.code, error.data["kind"]) == (-32803, "runtime_unavailable")
    assert client.failure("dvm.workspace.list").data["hint"]
    # Containers run on meanwhile, and one of them ends.
    outside(client, "kill", "dvm-other")
    outside(client, "make_available")
    assert client.notification("dvm/runtimeChanged")["state"] == "ready"
    assert change(client) == ("stopped", "other", "exited")
    statuses = {one["workspace"]: one["status"] for one in client.command("dvm.workspace.list")}
    assert statuses == {"dev": "running", "other": "exited"}
    health = [
        message["params"]["health"] for message in client.kept if message["method"] == "experimental/serverStatus"
    ]
    assert health == ["error", "ok"]


def test_a_slow_engine_delays_no_other_request(client: WireClient) -> None:
    client.command("dvm.workspace.start", DEV)
    outside(client, "slow", "stop_workspace", 600)
    slow = [client.begin_command("dvm.workspace.stop", {"workspace": "dev"}) for _ in range(20)]
    assert client.command("dvm.workspace.status", {"workspace": "dev"})["status"] == "running"
    result = client.command("dvm.workspace.exec", {"workspace": "dev", "command": ["echo", "quick"]})
    assert result["stdout"] == "quick\n"
    for request in slow:
        client.notify("$/cancelRequest", {"id": request})
    errors = [client.error(request) for request in slow]
    assert {(error.code, error.data["kind"]) for error in errors} == {(-32800, "cancelled")}
    assert client.command("dvm.workspace.status", {"workspace": "dev"})["status"] == "running"


@pytest.mark.parametrize("how", ["request", "progress"])
def test_a_cancelled_start_leaves_nothing(client: WireClient, how: str) -> None:
    never = {"type": "log", "pattern": "never"}
    request = client.begin_command("dvm.workspace.start", {**DEV, "ready": never}, workDoneToken="mine")
    client.notification("$/progress", lambda params: "Waiting" in params["value"].get("message", ""))
    if how == "request":
        client.notify("$/cancelRequest", {"id": request})
    else:
        client.notify("window/workDoneProgress/cancel", {"token": "mine"})
    assert client.error(request).data["kind"] == "cancelled"
    assert client.command("dvm.workspace.status", {"workspace": "dev"})["status"] == "not_found"
    assert outside(client, "exists", "dvm-dev") is False


def test_a_cancelled_command_inside_is_ended_there(client: WireClient) -> None:
    client.command("dvm.workspace.start", DEV)
    command = ["sh", "-c", "echo $$; exec sleep 1000"]
    request = client.begin_command("dvm.workspace.exec", {"workspace": "dev", "command": command, "stream": True})
    number = int(client.notification("dvm/output")["text"])
    look = {"workspace": "dev", "command": ["test", "-d", f"/proc/{number}"]}
    assert client.command("dvm.workspace.exec", look)["exitCode"] == 0
    client.notify("$/cancelRequest", {"id": request})
    assert client.error(request).code == -32800
    assert client.command("dvm.workspace.exec", look)["exitCode"] == 1


def test_a_time_limit_is_kept(client: WireClient) -> None:
    client.command("dvm.workspace.start", DEV)
    given = {"workspace": "dev", "command": ["sleep", "1000"], "timeout": 0.1}
    assert client.failure("dvm.workspace.exec", given).data["kind"] == "timeout"


def test_an_engines_own_error_arrives_with_its_words(client: WireClient) -> None:
    client.command("dvm.workspace.start", DEV)
    outside(client, "fail_next", "stop_workspace", "no space left on device")
    error = client.failure("dvm.workspace.stop", {"workspace": "dev"})
    assert (error.data["kind"], error.data["detail"]) == ("engine_error", "no space left on device")
    assert error.data["operation"] in ("stop_workspace", "dvm.workspace.stop")


def test_a_build_shows_its_steps(client: WireClient, tmp_path: Any) -> None:
    (tmp_path / "Dockerfile").write_text("FROM mock:latest\nENV A=1\nRUN echo hello\n")
    request = client.begin_command(
        "dvm.image.build", {"imageName": "lab/app", "appPath": str(tmp_path)}, workDoneToken="build"
    )
    assert "lab/app" in str(client.answer(request)["tags"])
    values = [message["params"]["value"] for message in client.kept if message["method"] == "$/progress"]
    assert values[0]["title"] == "Building lab/app"
    steps = [value["message"] for value in values[1:-1]]
    assert [one for one in steps if one.startswith("Step 3/3") and one.endswith("hello")]
    assert [value["percentage"] for value in values if "percentage" in value][-1] == 66
    assert values[-1] == {"kind": "end"}


def test_a_failed_build_tells_its_last_lines_and_no_build_argument(client: WireClient, tmp_path: Any) -> None:
    (tmp_path / "Dockerfile").write_text("FROM mock:latest\nARG TOKEN\nRUN echo the $TOKEN; exit 3\n")
    given = {"imageName": "lab/app", "appPath": str(tmp_path), "buildArgs": {"TOKEN": "hunter2"}}
    error = client.failure("dvm.image.build", given)
    assert error.data["kind"] == "build_failed"
    assert "the ***" in error.data["logs"]
    assert "hunter2" not in repr(error.data) + error.message


@pytest.mark.parametrize("how", ["cancel", "shutdown", "end of input"])
def test_a_build_is_stopped_in_its_middle(client: WireClient, tmp_path: Any, how: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM mock:latest\nRUN sleep 1000\n")
    given = {"imageName": "lab/app", "appPath": str(tmp_path)}
    request = client.begin_command("dvm.image.build", given, workDoneToken="build")
    client.notification("$/progress", lambda params: "sleep 1000" in params["value"].get("message", ""))
    if how == "cancel":
        client.notify("$/cancelRequest", {"id": request})
        assert client.error(request).code == -32800
        assert client.end() == 0
    elif how == "shutdown":
        assert client.end() == 0
    else:
        client.close_input()
        assert client.wait() == 1


def test_nothing_stays_of_many_commands(client: WireClient) -> None:
    client.command("dvm.workspace.start", DEV)

    def many() -> int:
        for _ in range(300):
            client.command("dvm.workspace.exec", {"workspace": "dev", "command": ["true"]})
            client.command("dvm.workspace.status", {"workspace": "dev"})
            client.failure("dvm.workspace.start", {"imageName": ""})
        for _ in range(20):
            outside(client, "pause", "dvm-dev")
            outside(client, "unpause", "dvm-dev")
        client.kept.clear()
        memory: int = client.command("usage")["kB"]
        return memory

    many()
    before = many()
    # The mock remembers every call; that much is its own.
    assert many() - before < 6_000
