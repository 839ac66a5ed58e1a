"""What the base layer offers to commands: progress, requests to the client, features, folders, trace and log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.wire_client import COMMANDS_ONLY, WireClient, serving

SHOWS_PROGRESS = {"window": {"workDoneProgress": True}}


@pytest.fixture
def client() -> Iterator[WireClient]:
    with serving(*COMMANDS_ONLY, capabilities=SHOWS_PROGRESS) as client:
        yield client


def test_progress_under_the_clients_token(client: WireClient) -> None:
    request = client.begin_command("steps", workDoneToken="mine")
    assert client.answer(request) == "done"
    shown = [message["params"] for message in client.kept if message["method"] == "$/progress"]
    assert {one["token"] for one in shown} == {"mine"}
    assert [one["value"]["kind"] for one in shown] == ["begin", "report", "report", "report", "end"]
    assert shown[0]["value"] == {"kind": "begin", "title": "Working", "cancellable": True}
    assert [one["value"]["percentage"] for one in shown[1:4]] == [25, 50, 75]
    assert not [message for message in client.kept if message["method"] == "window/workDoneProgress/create"]


def test_progress_under_a_token_that_the_client_is_asked_for(client: WireClient) -> None:
    request = client.begin_command("until-cancelled", "it")
    asked = client.until(lambda message: message.get("method") == "window/workDoneProgress/create")
    token = asked["params"]["token"]
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": None})
    begun = client.notification("$/progress")
    assert (begun["token"], begun["value"]["kind"], begun["value"]["title"]) == (token, "begin", "Waiting")
    client.notify("window/workDoneProgress/cancel", {"token": token})
    assert client.error(request).code == -32800
    assert client.notification("$/progress")["value"] == {"kind": "end"}


def test_work_does_not_wait_for_the_token(client: WireClient) -> None:
    request = client.begin_command("steps")
    assert client.answer(request) == "done"
    asked = client.until(lambda message: message.get("method") == "window/workDoneProgress/create")
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": None})
    # What the client missed, and then the end: it must not show it for ever.
    values = [client.notification("$/progress")["value"] for _ in range(3)]
    assert [value["kind"] for value in values] == ["begin", "report", "end"]
    assert values[1]["message"] == "Step 3"


def test_a_client_that_refuses_the_token_is_shown_nothing(client: WireClient) -> None:
    request = client.begin_command("steps")
    asked = client.until(lambda message: message.get("method") == "window/workDoneProgress/create")
    client.send({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "no"}})
    assert client.answer(request) == "done"
    client.command("echo", 1)
    assert not [message for message in client.kept if message["method"] == "$/progress"]


def test_a_client_that_cannot_show_progress_is_not_asked() -> None:
    with serving(*COMMANDS_ONLY) as client:
        assert client.command("steps") == "done"
        assert client.kept == []


def test_answers_to_the_servers_requests(client: WireClient) -> None:
    for outcome in ({"result": {"a": 1}}, {"error": {"code": 1, "message": "no"}}):
        client.command("ask")
        asked = client.until(lambda message: message.get("method") == "test/question")
        client.send({"jsonrpc": "2.0", "id": asked["id"], **outcome})
        client.send({"jsonrpc": "2.0", "id": asked["id"], **outcome})  # a second time: dropped
        client.send({"jsonrpc": "2.0", "id": "nobody asked", **outcome})
    log = client.command("log")
    assert log[0] == "{'a': 1} None"
    assert log[1].startswith("None {'code': 1")
    assert len(log) == 2


def test_unanswered_requests_of_the_server_are_forgotten(client: WireClient) -> None:
    for _ in range(1100):
        client.command("ask")
    assert client.command("counts")["outgoing"] == 1000


def test_pygls_own_methods_go_the_same_way(client: WireClient) -> None:
    for outcome in ({"result": 5}, {"error": {"code": 1, "message": "no"}}):
        client.command("typed")
        assert client.notification("window/logMessage") == {"type": 3, "message": "typed"}
        asked = client.until(lambda message: message.get("method") == "test/question")
        client.send({"jsonrpc": "2.0", "id": asked["id"], **outcome})
    assert sorted(client.command("log")) == ["back 5", "failed False", "failed True"]


def test_features_of_other_methods(client: WireClient) -> None:
    assert client.request("test/feature", {"a": 1}) == {"took": {"a": 1}}
    client.notify("test/told", {"b": 2})
    assert client.command("log") == ["told {'b': 2}"]


def test_a_command_on_the_loop_can_go_on_on_a_thread(client: WireClient) -> None:
    assert client.command("later") == "dvm-command"


@pytest.mark.parametrize(
    ("params", "folders"),
    [
        ({"workspaceFolders": [{"uri": "file:///a", "name": "A"}, {"uri": 5}, 6]}, {"file:///a": "A"}),
        ({"workspaceFolders": None, "rootUri": "file:///x/shop/"}, {"file:///x/shop/": "shop"}),
        ({"rootUri": None, "rootPath": "/x/shop"}, {"file:///x/shop": "shop"}),
        ({"workspaceFolders": [], "rootUri": None}, {}),
    ],
)
def test_folders_of_the_client(params: dict[str, Any], folders: dict[str, str]) -> None:
    with serving(*COMMANDS_ONLY, **params) as client:
        assert client.command("folders") == folders
        event = {"added": [{"uri": "file:///new", "name": "new"}], "removed": [{"uri": uri} for uri in folders]}
        client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
        client.notify("workspace/didChangeWorkspaceFolders", {"event": 5})
        assert client.command("folders") == {"file:///new": "new"}


@pytest.mark.parametrize(
    "params",
    [
        {"capabilities": 5},
        {"processId": "ten"},
        {"processId": True},
        {"rootUri": {}},
        {"workspaceFolders": "/"},
        {"trace": 1},
    ],
)
def test_an_initialize_that_is_wrong_is_refused_and_the_next_one_works(params: dict[str, object]) -> None:
    with serving(*COMMANDS_ONLY, initialize=False) as client:
        error = client.error(client.begin("initialize", {"capabilities": {}, **params}))
        assert error.code == -32602
        assert next(iter(params)) in error.message
        assert client.error(client.begin("initialize", [])).code == -32602
        assert client.initialize()["serverInfo"]["name"] == "plain"


def test_trace_tells_names_and_times_and_no_values(client: WireClient) -> None:
    client.command("echo", "hunter2")
    assert client.kept == []
    client.notify("$/setTrace", {"value": "messages"})
    client.command("echo", "hunter2")
    assert "verbose" not in client.notification("$/logTrace")
    client.notify("$/setTrace", {"value": "verbose"})
    client.notify("$/setTrace", {"value": "loud"})
    client.command("later", "hunter2")
    shown = [client.notification("$/logTrace") for _ in range(2)]
    assert "Received request 'later" in shown[0]["message"]
    assert "ms" in shown[1]["verbose"]
    assert "hunter2" not in repr(shown)
    client.notify("$/setTrace", {"value": "off"})
    client.kept.clear()
    client.command("echo", 1)
    assert client.kept == []


def test_trace_can_be_on_from_the_start() -> None:
    with serving(*COMMANDS_ONLY, trace="messages") as client:
        client.command("echo", 1)
        assert "echo" in client.notification("$/logTrace")["message"]


def test_the_log_has_names_and_times_and_no_values(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    with serving(*COMMANDS_ONLY, env={**os.environ, "TEST_LOG_FILE": str(file)}) as client:
        client.command("later", "hunter2")
        client.failure("fail", "hunter2")
        client.send_bytes(b"Content-Length: 9\r\n\r\n{hunter2}")
        client.error(None)
        client.end()
    text = file.read_text(encoding="utf-8")
    assert "later" in text
    assert "fail failed with RuntimeError" in text
    assert "Refused a message" in text
    assert "hunter2" not in text


def test_a_log_file_that_cannot_be_written_is_no_reason_to_end(tmp_path: Path) -> None:
    with serving(*COMMANDS_ONLY, env={**os.environ, "TEST_LOG_FILE": str(tmp_path / "no" / "log")}) as client:
        assert client.command("echo", 1) == 1
        client.end()
        assert b"the log file cannot be written" in client.stderr
