"""The command itself: its words, its streams, its log file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.server.wire_client import DVM_SERVER, PATIENCE, serving

from dvm_server import __version__
from dvm_server.__main__ import parse_fast, parse_full


def run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *DVM_SERVER, *words]
    given = {"capture_output": True, "text": True, "timeout": PATIENCE, "check": False, "stdin": subprocess.DEVNULL}
    return subprocess.run(command, **{**given, **more})  # type: ignore[call-overload, no-any-return]


def test_version_and_help() -> None:
    assert run("--version").stdout == f"dvm-server {__version__}\n"
    shown = run("--help")
    assert shown.returncode == 0
    for option in ("--runtime", "--log-file", "--log-level", "--version"):
        assert option in shown.stdout


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--stdio", "--clientProcessId=5"],
        ["--runtime", "colima:work", "--log-level=debug"],
        ["--log-file", "a=b", "--stdio", "--runtime=docker"],
    ],
)
def test_the_short_way_to_the_options_is_no_other_way(words: list[str]) -> None:
    plain = parse_fast(words)
    assert plain is not None
    asked = parse_full(words)
    assert {name: asked[name] or "" for name in plain} == plain


@pytest.mark.parametrize(
    "words", [["-h"], ["--runtime"], ["--runtime="], ["--runtime", "--stdio"], ["--log-level", "all"], ["here"]]
)
def test_what_is_odd_is_left_to_the_words_of_argparse(words: list[str]) -> None:
    assert parse_fast(words) is None


def test_a_wrong_option_is_refused() -> None:
    refused = run("--nobody")
    assert refused.returncode == 2
    assert "--nobody" in refused.stderr


def test_the_console_script_is_the_same() -> None:
    script = Path(sys.executable).with_name("dvm-server")
    shown = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert shown.stdout == f"dvm-server {__version__}\n"


def test_without_an_input_it_says_what_it_is() -> None:
    command = 'exec "$0" -m dvm_server <&- >&-'
    ran = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 1
    assert b"an editor starts this" in ran.stderr


def test_an_empty_input_ends_it_at_once() -> None:
    assert run().returncode == 1


@pytest.mark.parametrize("words", [(), ("--stdio",), ("--stdio", "--clientProcessId=5"), ("--log-level", "debug")])
def test_what_clients_give_it(words: tuple[str, ...]) -> None:
    with serving(*DVM_SERVER, *words) as client:
        assert client.end() == 0


def test_it_answers_without_any_engine_and_says_so(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/nobody.sock"
    env = {**os.environ, "DOCKER_HOST": nowhere, "DVM_RUNTIME": "docker"}
    with serving(*DVM_SERVER, env=env, capabilities={"experimental": {"serverStatusNotification": True}}) as client:
        told = client.notification("dvm/runtimeChanged")
        assert (told["runtime"], told["state"]) == ("auto", "unavailable")
        assert told["hint"]
        status = client.notification("experimental/serverStatus", lambda params: params["quiescent"])
        assert status["health"] == "error"
        error = client.failure("dvm.workspace.list")
        assert error.data["kind"] == "runtime_unavailable"
        assert client.command("dvm.runtime.select", {"runtime": "mock"})["runtime"] == "mock"
        assert client.command("dvm.workspace.list") == []
        assert client.end() == 0


def test_the_log_of_a_session_holds_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    words = ("--runtime", "mock", "--log-file", str(file), "--log-level", "debug")
    with serving(*DVM_SERVER, *words, trace="verbose") as client:
        options = {"imageName": "mock:latest", "workspaceName": "dev", "env": {"TOKEN": "hunter2"}}
        client.command("dvm.workspace.start", options)
        command = ["sh", "-c", "echo $TOKEN; echo $MORE"]
        given = {"workspace": "dev", "command": command, "env": {"MORE": "hunter3"}, "input": "hunter4"}
        assert client.command("dvm.workspace.exec", given)["stdout"] == "hunter2\nhunter3\n"
        client.failure("dvm.workspace.exec", {**given, "uid": "hunter5"})
        traced = [message for message in client.kept if message["method"] == "$/logTrace"]
        assert client.end() == 0
    text = file.read_text(encoding="utf-8")
    assert "dvm.workspace.exec" in text
    assert "Runtime mock: ready" in text
    assert "invalid_option" in text
    assert traced
    for secret in ("hunter2", "hunter3", "hunter4", "hunter5"):
        assert secret not in text
        assert secret not in repr(traced)
        assert secret.encode() not in client.stderr


def test_arguments_are_in_no_process_list() -> None:
    with serving(*DVM_SERVER, "--runtime", "mock") as client:
        client.command(
            "dvm.workspace.start", {"imageName": "mock:latest", "workspaceName": "dev", "env": {"TOKEN": "hunter2"}}
        )
        words = Path(f"/proc/{client.process.pid}/cmdline")
        if sys.platform == "linux":
            assert b"hunter2" not in words.read_bytes()
        plan = client.command("dvm.workspace.attach", {"workspace": "dev", "env": {"TOKEN": "hunter2"}})
        assert "hunter2" not in " ".join([plan["program"], *plan["args"]])
