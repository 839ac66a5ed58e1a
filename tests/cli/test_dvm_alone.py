"""The command where there is no engine, or only the mock: in pipes."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from .process import DVM, LIMIT, Dvm

ENGINE_COMMANDS = [
    ["up", "x", "--image", "a:1"],
    ["ls"],
    ["status", "x"],
    ["exec", "x", "--", "true"],
    ["attach", "x"],
    ["logs", "x"],
    ["cp", "x:/a", "b"],
    ["stop", "x"],
    ["start", "x"],
    ["restart", "x"],
    ["rm", "x"],
    ["build", "."],
    ["gc"],
]
COMMANDS = [*ENGINE_COMMANDS, ["platforms"], ["doctor"], ["context"]]


def ids(arguments: list[str]) -> str:
    return arguments[0]


@pytest.mark.parametrize("arguments", ENGINE_COMMANDS, ids=ids)
def test_no_engine_is_one_line_and_a_hint(alone: Dvm, arguments: list[str]) -> None:
    done = alone("--runtime", "docker", *arguments, code=69)

    assert done.text == ""
    line, *rest = done.words.splitlines()
    assert line.startswith("dvm: Docker Engine (DOCKER_HOST) is not running: there is no socket at ")
    assert rest[-1].startswith("hint: Start the engine at unix:///")
    error = alone("--runtime", "docker", "--json", *arguments, code=69).error()
    assert (error["kind"], error["platform"]) == ("runtime_unavailable", "Docker Engine (DOCKER_HOST)")
    assert error["hint"]


@pytest.mark.parametrize("arguments", COMMANDS, ids=ids)
def test_every_command_takes_a_runtime_and_json(alone: Dvm, arguments: list[str]) -> None:
    """Before its name and after it, and an unknown runtime is one line that names those there are."""
    name, *rest = arguments
    if name in ("platforms", "context"):
        assert isinstance(alone(name, "--runtime", "mock", "--json").document(), list | dict)
        return
    done = alone("--runtime", "dokcer", *arguments, code=69 if name == "doctor" else 2)
    assert "there is no such runtime" in done.text + done.words
    assert "Did you mean 'docker'?" in done.text + done.words
    if name != "doctor":
        error = alone(name, "--runtime", "dokcer", "--json", *rest, code=2).error()
        assert (error["kind"], error["field"]) == ("invalid_option", "runtime")


@pytest.mark.parametrize("variable", ["DVM_RUNTIME", "DVM_PLATFORM", "CONTAINER_RUNTIME"])
def test_the_environment_is_heard(alone: Dvm, variable: str) -> None:
    known: dict[str, Any] = {variable: "mock"}
    unknown: dict[str, Any] = {variable: "x"}
    assert alone("ls", "--json", **known).document() == []
    assert f"{variable}='x'" in alone("ls", code=2, **unknown).words


def test_the_configuration_is_heard(alone: Dvm) -> None:
    file = alone.folder / "config/dvm/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('runtime = "mock"\n')

    assert alone("ls", "--json").document() == []
    file.write_text("runtime = mock\n")
    broken = alone("ls", code=2)
    assert "is not TOML" in broken.words
    assert str(file) in broken.words


def test_nothing_at_all_is_told_with_what_would_help(alone: Dvm) -> None:
    done = alone("ls", code=69)

    assert done.words.startswith("dvm: Docker Engine (DOCKER_HOST) is not running: there is no socket at ")
    assert "hint: " in done.words


def test_the_mock_says_that_it_ends(alone: Dvm) -> None:
    done = alone("--runtime", "mock", "up", "dev", "--image", "mock:latest")

    assert done.text == "dvm-dev\n"
    assert "warning: Mock keeps workspaces in the memory of this process: dvm-dev ends with it" in done.words
    asked = alone("up", "dev", "--image", "mock:latest", "--runtime", "mock", "--json")
    assert asked.document()["status"] == "running"
    assert json.loads(asked.err)["warning"]["hint"]
    assert alone("ls", "--runtime", "mock").text == ""


def test_platforms(alone: Dvm) -> None:
    rows = {row[0]: row for row in alone("platforms").lines}
    assert rows["mock"] == ["mock", "Mock", "mock", "mock://", "reachable", "", "", ""]
    assert rows["docker"][4] == "unreachable"
    assert rows["docker"][6].startswith("is not running: there is no socket at ")
    assert rows["docker"][7].startswith("Start the engine at unix:///")
    assert alone("platforms", "--runtime", "mock", "--json").document()[0]["type"] == "mock"
    assert {row[0]: row[5] for row in alone("platforms", DVM_RUNTIME="mock").lines}["mock"] == "active"


def test_doctor(alone: Dvm) -> None:
    rows = alone("doctor", code=69).lines
    assert all(len(row) == 4 for row in rows)
    assert ["Docker Engine (DOCKER_HOST) (docker)", "problem"] in [row[:2] for row in rows]
    report = alone("doctor", "--json", code=69).document()
    assert report["ok"] is False
    assert report["used"]["endpoint"].endswith("/nobody.sock")
    assert report["used"]["reachable"] is False
    assert alone("doctor", "--runtime", "mock", "--json").document()["ok"] is True


def test_context(alone: Dvm) -> None:
    assert alone("context").text == ""
    assert alone("context", "--json").document() == {"app": "", "workspace": ""}
    assert alone("context", "set", "dev", "--app", "shop").lines == [["app", "shop"], ["workspace", "dev"]]
    assert alone("context", "show", "--json").document() == {"app": "shop", "workspace": "dev"}
    assert alone("context", DVM_WORKSPACE="other").lines[1] == ["workspace", "other"]
    assert alone("context", "set", "--app", "blog", "--json").document() == {"app": "blog", "workspace": ""}
    assert "--app" in alone("context", "set", code=2).words
    assert "WORKSPACE ' '" in alone("context", "set", " ", code=2).words
    (alone.folder / "state/dvm/context.json").write_text("{")
    assert "hint: `dvm context clear`" in alone("context", code=2).words
    assert alone("status", "--runtime", "mock", code=2).words.startswith("dvm: context file=")
    alone("context", "clear")
    assert alone("context").text == ""


def test_usage_errors(alone: Dvm) -> None:
    assert alone("stats", code=2).words.startswith("dvm: There is no command 'stats'. Did you mean 'status'?")
    assert alone("up", code=2).words.startswith("dvm: Missing option '--image'")
    assert alone("ls", "--jsno", code=2).words.startswith("dvm: No such option '--jsno'")
    assert alone("ls", "--nope", "--json", code=2).error()["kind"] == "usage"
    assert alone("exec", "dev", code=2).words.startswith("dvm: A command is required")


def test_help_is_not_an_error(alone: Dvm) -> None:
    for command in ([], ["--help"], ["up", "--help"], ["context", "set", "-h"]):
        assert alone(*command).text.startswith("Usage: dvm")


def test_no_stack_trace_for_anybody(alone: Dvm) -> None:
    (alone.folder / "state").write_text("a file where a folder should be")
    done = alone("context", "set", "dev", code=1)

    assert "Traceback" not in done.words
    assert "cannot be written" in done.words


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_break_nothing(alone: Dvm, closed: str) -> None:
    ran = subprocess.run(
        ["sh", "-c", f'"$0" ls --runtime mock {closed}', DVM],
        env=alone.env,
        cwd=alone.folder,
        timeout=LIMIT,
        check=False,
    )
    assert ran.returncode == 0
