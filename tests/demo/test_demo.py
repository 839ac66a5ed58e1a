"""``make demo``: the whole transcript, on an engine that is there, on one of its own, and on the mock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from demo.transcript import shown
from tests.engines.http_over_socket import ask

from demo import engines, image

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

ROOT = Path(__file__).parents[2]
LIMIT = 170


def run(environment: dict[str, str]) -> str:
    """The transcript of a demo that ended well."""
    argv = [sys.executable, "-m", "demo"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_order(transcript: str, *expected: str) -> None:
    """Each of these is said, one after the other."""
    place = 0
    for words in expected:
        place = transcript.find(words, place)
        assert place >= 0, f"{words!r} is missing or too early in:\n{transcript}"


def test_on_an_engine_that_is_there_it_shows_the_whole_job_and_leaves_nothing(docker_engine: RunningEngine) -> None:
    transcript = run(docker_engine.environment())
    in_order(
        transcript,
        "-> dvm.platform.list",
        docker_engine.version,
        "-> dvm.image.build",
        "COPY busybox /bin/busybox",
        '"status": "running"',
        "notes.txt",
        "<- exit code 0",
        '"program"',
        "/workspace # ls",
        "the shell's own exit code: 7",
        "<- dvm/workspaceChanged",
        '"exitCode": 137',
        '"status": "running"',
        '"status": "exited"',
        '"status": "not_found"',
        "dvm-server ended with code 0",
    )
    socket = docker_engine.endpoint.removeprefix("unix://")
    names = [name for one in ask(socket, "GET", "/containers/json", all="true") for name in one["Names"]]
    assert [name for name in names if "dvm-demo" in name] == []
    tags = [tag for one in ask(socket, "GET", "/images/json") for tag in one["RepoTags"] or []]
    assert image.IMAGE not in tags


def test_on_the_mock_it_shows_what_one_process_can_have(docker_engine: RunningEngine) -> None:
    transcript = run({**docker_engine.environment(), "DVM_RUNTIME": "mock"})
    in_order(transcript, "Mock", "<- exit code 0", "Left out", '"status": "exited"', "dvm-server ended with code 0")


def test_what_was_asked_for_and_does_not_answer_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DVM_RUNTIME": "colima"}
    argv = [sys.executable, "-m", "demo"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("demo: Colima")
    assert "`colima start`" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_engine_of_its_own_answers_and_is_deleted(docker_engine: RunningEngine) -> None:
    # The fixture skips where no engine can be started.
    with engines.own_engine() as own:
        assert own.own
        socket = own.endpoint.removeprefix("unix://")
        assert ask(socket, "GET", "/_ping") == "OK"
        assert own.endpoint != docker_engine.endpoint
    assert not Path(socket).parent.exists()


@pytest.mark.parametrize(
    ("content", "static"),
    [
        (b"\x7fELF" + bytes(4092), True),
        (b"\x7fELF" + bytes(600) + b"/lib64/ld-linux-x86-64.so.2\0" + bytes(4000), False),
        (b"\x7fELF" + bytes(600) + b"/lib/ld-musl-x86_64.so.1\0" + bytes(4000), False),
        (b"#!/bin/sh\n", False),
    ],
)
def test_a_busybox_that_needs_libraries_will_not_do(tmp_path: Path, content: bytes, static: bool) -> None:
    program = tmp_path / "busybox"
    program.write_bytes(content)
    assert image.is_static(program) is static


def test_without_a_busybox_the_image_is_built_on_the_registry_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "find_busybox", lambda folder: None)
    assert "registry" in image.write(tmp_path, mock=False)
    assert (tmp_path / "Dockerfile").read_text().startswith("FROM busybox")


def test_long_values_are_cut_in_the_transcript() -> None:
    assert shown({"a": "b" * 500}).endswith("...")
    assert len(shown({"a": "b" * 500})) < 120
    assert shown(None) == ""
