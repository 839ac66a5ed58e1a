"""The table of commands: complete, and made of plain functions that run without a server process."""

from __future__ import annotations

import inspect
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.wire_client import PATIENCE

from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.errors import (
    InvalidOptionError,
    OperationCancelledError,
    OperationTimeoutError,
    WorkspaceNotFoundError,
)
from dvm_runtimes.operation import CancelToken
from dvm_server.app import DvmServer
from dvm_server.commands import COMMAND_IDS
from dvm_server.commands.table import COMMANDS, execute
from dvm_server.error_responses import error_response
from dvm_server.protocol.errors import REQUEST_CANCELLED
from dvm_server.protocol.work import NeedsThreadError, Progress, Work

_numbers = itertools.count()
DEV = {"imageName": "mock:latest", "workspaceName": "dev"}


@pytest.fixture
def server() -> Iterator[DvmServer]:
    name = f"table-{next(_numbers)}"
    server = DvmServer(f"mock:{name}")
    server.selection.start()
    yield server
    server.close()
    MockRuntime(name).mock.reset()


def run(server: DvmServer, name: str, argument: Any = None, cancel: CancelToken | None = None) -> Any:
    """Run a command as a thread of the server does."""
    cancel = cancel or CancelToken()
    return execute(server, name, argument, Work(1, name, argument, Progress(server, None, "token", cancel), cancel))


def test_the_ids_that_initialize_tells_are_the_keys_of_the_table() -> None:
    assert tuple(sorted(COMMAND_IDS)) == tuple(sorted(COMMANDS))


@pytest.mark.parametrize("name", COMMAND_IDS)
def test_each_command_is_a_documented_function_of_its_module(name: str) -> None:
    function = COMMANDS[name].run
    assert inspect.isfunction(function)
    assert function.__qualname__ == function.__name__  # no closure: it has a name in a trace
    assert function.__doc__


@pytest.mark.parametrize("name", sorted(name for name, command in COMMANDS.items() if command.long))
def test_long_commands_never_run_on_the_event_loop(server: DvmServer, name: str) -> None:
    with pytest.raises(NeedsThreadError):
        execute(server, name, None, None)


def test_queries_run_on_the_event_loop_only_while_the_state_is_live(server: DvmServer) -> None:
    with pytest.raises(NeedsThreadError):
        execute(DvmServer("mock:never-started"), "dvm.workspace.list", None, None)
    started = run(server, "dvm.workspace.start", DEV)
    assert execute(server, "dvm.workspace.list", None, None) == [started]
    assert execute(server, "dvm.workspace.find", {"workspace": "dev"}, None) == started
    assert execute(server, "dvm.workspace.status", {"workspace": "other"}, None)["status"] == "not_found"


def test_an_existing_workspace_keeps_its_options_unless_an_image_is_named(server: DvmServer) -> None:
    started = run(server, "dvm.workspace.start", {**DEV, "env": {"A": "1"}})
    with pytest.raises(InvalidOptionError, match="imageName") as caught:
        run(server, "dvm.workspace.start", {"workspace": "dev", "env": {"A": "2"}})
    assert caught.value.field == "env"
    assert run(server, "dvm.workspace.start", {"workspace": "dev"})["id"] == started["id"]
    assert run(server, "dvm.workspace.start", {**DEV, "env": {"A": "2"}})["id"] != started["id"]


def test_labels_of_the_argument_do_not_replace_the_label_of_the_folder(server: DvmServer, tmp_path: Any) -> None:
    argument = {"imageName": "mock:latest", "folder": str(tmp_path), "labels": {"team": "a"}}
    started = run(server, "dvm.workspace.start", argument)
    assert started["labels"]["team"] == "a"
    assert started["folder"] == str(tmp_path.resolve())


def test_the_timeout_covers_the_search_for_an_engine() -> None:
    server = DvmServer("mock:never-started")  # nobody looks for the engine
    with pytest.raises(OperationTimeoutError):
        run(server, "dvm.workspace.list", {"timeout": 0.01})


def test_the_identity_of_a_folder_asks_no_engine(tmp_path: Path) -> None:
    (tmp_path / "My Shop").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "My Shop")
    never_started = DvmServer("mock:never-started")
    own = execute(never_started, "dvm.folder.identity", {"folder": str(tmp_path / "link")}, None)
    assert (own["folder"], own["workspaceName"]) == (str((tmp_path / "My Shop").resolve()), "my-shop")
    assert own["imageName"].startswith("dvm-my-shop-")
    with pytest.raises(InvalidOptionError, match="folder"):
        execute(never_started, "dvm.folder.identity", None, None)


def test_a_missing_workspace_is_an_error_of_each_command_that_needs_one(server: DvmServer) -> None:
    for name in ("stop", "restart", "remove", "attach", "start"):
        with pytest.raises(WorkspaceNotFoundError):
            run(server, f"dvm.workspace.{name}", {"workspace": "nobody"})


def test_a_cancelled_command_is_cancelled_and_a_late_one_is_late(server: DvmServer) -> None:
    run(server, "dvm.workspace.start", DEV)
    argument = {"workspace": "dev", "command": ["sleep", "1000"]}
    with pytest.raises(OperationTimeoutError) as late:
        run(server, "dvm.workspace.exec", {**argument, "timeout": 0.2})
    cancelled = CancelToken()
    threading.Timer(0.2, cancelled.set).start()
    with pytest.raises(OperationCancelledError) as caught:
        run(server, "dvm.workspace.exec", argument, cancelled)
    for error in (late.value, caught.value):
        response = error_response(error, "dvm.workspace.exec", argument)
        assert "exec_in_workspace" in response.message
        assert "reach" not in response.message + response.data["hint"]
    assert error_response(late.value, "", None).data["kind"] == "timeout"
    assert error_response(caught.value, "", None).code == REQUEST_CANCELLED


@pytest.mark.parametrize(
    ("command", "function"),
    [
        ("dvm.platform.list", "dvm_runtimes.discovery.detection.detect_platforms"),
        ("dvm.doctor", "dvm_runtimes.discovery.doctor.examine"),
        ("dvm.runtime.info", "dvm_runtimes.discovery.factory.create_runtime"),
        ("dvm.runtime.select", "dvm_runtimes.discovery.factory.create_runtime"),
    ],
)
def test_a_search_that_hangs_holds_no_command_up(
    server: DvmServer, monkeypatch: pytest.MonkeyPatch, command: str, function: str
) -> None:
    run(server, "dvm.workspace.list")  # the server's own engine was found
    hanging = threading.Event()
    monkeypatch.setattr(function, lambda *args, **named: hanging.wait(PATIENCE))
    argument = {"timeout": 0.2, **({"runtime": "docker"} if "runtime" in command else {})}
    try:
        with pytest.raises(OperationTimeoutError):
            run(server, command, argument)
    finally:
        hanging.set()
