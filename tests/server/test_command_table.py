"""The table of commands: complete, and made of plain functions that run without a server process."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.errors import InvalidOptionError, OperationTimeoutError, WorkspaceNotFoundError
from dvm_server.app import DvmServer
from dvm_server.commands import COMMAND_IDS
from dvm_server.commands.table import COMMANDS, execute
from dvm_server.protocol.work import NeedsThreadError, Progress, Work

DEV = {"imageName": "mock:latest", "workspaceName": "dev"}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[DvmServer]:
    name = f"table-{request.node.name}"
    server = DvmServer(f"mock:{name}")
    server.selection.start()
    yield server
    server.close()
    MockRuntime(name).mock.reset()


def run(server: DvmServer, name: str, argument: Any = None) -> Any:
    """Run a command as a thread of the server does."""
    return execute(server, name, argument, Work(1, name, argument, Progress(server, None, "token")))


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
    labels = run(server, "dvm.workspace.start", argument)["labels"]
    assert labels["team"] == "a"
    assert labels["dvm.folder"] == str(tmp_path.resolve())


def test_the_timeout_covers_the_search_for_an_engine() -> None:
    server = DvmServer("mock:never-started")  # nobody looks for the engine
    with pytest.raises(OperationTimeoutError):
        run(server, "dvm.workspace.list", {"timeout": 0.01})


def test_a_missing_workspace_is_an_error_of_each_command_that_needs_one(server: DvmServer) -> None:
    for name in ("stop", "restart", "remove", "attach", "start"):
        with pytest.raises(WorkspaceNotFoundError):
            run(server, f"dvm.workspace.{name}", {"workspace": "nobody"})
