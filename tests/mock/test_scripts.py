"""Commands that a test answers instead of running them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvm_runtimes import (
    AttachOptions,
    BuildError,
    BuildOptions,
    Command,
    ExecOptions,
    ExecResult,
    StartOptions,
)
from dvm_runtimes.engines.base import ExecSpec
from dvm_runtimes.engines.mock import MockRuntime


def test_a_pattern_is_answered(runtime: MockRuntime, workspace: str) -> None:
    answer = ExecResult(2, b"out\n", b"no rule to make target\n")
    runtime.mock.script_exec("^make ", answer)
    assert runtime.exec_in_workspace(workspace, ["make", "test"]) == answer
    assert runtime.exec_in_workspace(workspace, ["make", "all"]) == answer
    assert runtime.exec_in_workspace(workspace, ["echo", "make "]).stdout == b"make \n"


def test_the_very_words_are_answered(runtime: MockRuntime, workspace: str) -> None:
    runtime.mock.script_exec(["echo", "a b"], ExecResult(0, b"scripted", b""))
    assert runtime.exec_in_workspace(workspace, ["echo", "a b"]).stdout == b"scripted"
    assert runtime.exec_in_workspace(workspace, ["echo", "a", "b"]).stdout == b"a b\n"


def test_the_latest_script_goes_first(runtime: MockRuntime, workspace: str) -> None:
    runtime.mock.script_exec("make", ExecResult(1, b"", b""))
    runtime.mock.script_exec("make", ExecResult(0, b"", b""))
    assert runtime.exec_in_workspace(workspace, ["make"]).exit_code == 0


def test_a_callable_sees_the_command_and_its_input(runtime: MockRuntime, workspace: str) -> None:
    asked: list[ExecSpec] = []

    def answer(spec: ExecSpec, given: bytes) -> ExecResult:
        asked.append(spec)
        return ExecResult(0, given.upper(), b"")

    runtime.mock.script_exec("^upper", answer)
    options = ExecOptions(input=b"text", env={"A": "1"}, working_dir="/tmp", uid=5)
    assert runtime.exec_in_workspace(workspace, ["upper", "x"], options).stdout == b"TEXT"
    (spec,) = asked
    assert (spec.command, dict(spec.env), spec.working_dir, spec.user) == (("upper", "x"), {"A": "1"}, "/tmp", "5")


def test_large_answers_arrive_whole(runtime: MockRuntime, workspace: str) -> None:
    runtime.mock.script_exec("flood", ExecResult(0, bytes(5_000_000), b"e" * 3_000_000))
    result = runtime.exec_in_workspace(workspace, ["flood"])
    assert (len(result.stdout), len(result.stderr)) == (5_000_000, 3_000_000)


def test_terminals_and_waits_are_answered_too(runtime: MockRuntime) -> None:
    runtime.mock.script_exec("pg_isready", ExecResult(0, b"", b""))
    options = StartOptions(image_name="mock:latest", workspace_name="db", ready=Command(["pg_isready"]))
    workspace = runtime.start_workspace(options)
    runtime.mock.script_exec("^psql", ExecResult(4, b"psql (17)\n", b""))
    with runtime.open_terminal(workspace, AttachOptions(command=["psql"])) as terminal:
        terminal.expect_exact("psql (17)", timeout=60)
        assert terminal.wait(60) == 4


def test_an_answer_that_raises_is_a_crash_of_the_command(runtime: MockRuntime, workspace: str) -> None:
    def answer(spec: ExecSpec, given: bytes) -> ExecResult:
        raise ZeroDivisionError("of the test's own")

    runtime.mock.script_exec("crash", answer)
    result = runtime.exec_in_workspace(workspace, ["crash"])
    assert result.exit_code == 255
    assert b"of the test's own" in result.stderr


def test_a_command_inside_a_script_is_answered(runtime: MockRuntime, workspace: str, tmp_path: Path) -> None:
    specs: list[ExecSpec] = []

    def answer(spec: ExecSpec, given: bytes) -> ExecResult:
        specs.append(spec)
        return ExecResult(3, given.upper(), b"")

    runtime.mock.script_exec("^make", answer)
    script = ["sh", "-c", "cd /tmp && echo text | A=1 make test; echo $?; env B=2 make; exec make"]
    result = runtime.exec_in_workspace(workspace, script)
    assert (result.exit_code, result.stdout) == (3, b"TEXT\n3\n")
    assert [spec.command for spec in specs] == [("make", "test"), ("make",), ("make",)]
    assert (specs[0].working_dir, specs[0].env["A"], specs[1].env["B"]) == ("/tmp", "1", "2")
    (tmp_path / "Dockerfile").write_text("FROM mock\nRUN make && false\n")
    with pytest.raises(BuildError, match=": 3"):
        runtime.build_image(BuildOptions(image_name="built:1", app_path=tmp_path))
