"""``make demo``: the whole transcript, on a running engine, on one of its own, and on the mock as an ordinary user."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from demo.errors import DemoError
from demo.transcript import Transcript, shorten
from tests.engines.http_over_socket import ask

from demo import editor, engines, image, terminal

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

ROOT = Path(__file__).parents[2]
LIMIT = 170


def run(environment: Mapping[str, str], *, become: Sequence[str] = ()) -> str:
    """The transcript of a demo that succeeded.

    Args:
        environment: of the demo.
        become: the start of a command that runs the rest of it as another user.
    """
    argv = [*become, sys.executable, "-m", "demo"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ordinary_user() -> list[str]:
    """The start of a command that is run without root's rights; it may read this checkout, wherever that is."""
    if os.geteuid() != 0:
        return []
    # Without the securebit, access(2) would not count that right.
    rights = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    rights.append("--securebits=+no_setuid_fixup")
    return ["setpriv", "--reuid=61235", "--regid=61235", "--clear-groups", *rights, "--"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that any user may write to."""
    with tempfile.TemporaryDirectory(prefix="dvm-demo-home-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


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


def test_an_ordinary_user_without_an_engine_sees_the_whole_job_on_the_mock(home: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "DVM_RUNTIME": "mock"}
    transcript = run(environment, become=ordinary_user())
    in_order(
        transcript,
        "<- runtime Mock",
        "-> dvm.image.build",
        "notes.txt",
        "<- exit code 0",
        "$ ls",
        "the shell's own exit code: 7",
        "inside the workspace: kill 1",
        "<- dvm/workspaceChanged",
        '"exitCode": 143',
        '"status": "running"',
        '"status": "exited"',
        '"status": "not_found"',
        "dvm-server ended with code 0",
    )
    assert [path.name for path in home.iterdir() if path.name.startswith("dvm-")] == []


def test_the_mock_is_used_where_nothing_answers_and_nothing_can_be_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "find_engine", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with engines.select_engine(Transcript()) as selection:
        assert selection.mock
    assert "none can be started" in capsys.readouterr().out


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
    assert shorten({"a": "b" * 500}).endswith("...")
    assert len(shorten({"a": "b" * 500})) < 120
    assert shorten(None) == ""


def test_a_terminal_that_ends_early_is_an_error_at_once() -> None:
    program = {"program": "/bin/sh", "args": ["-c", "echo no engine; exit 3"], "env": {}, "cwd": "/"}
    with pytest.raises(DemoError, match=r"ended with code 3 after '.*no engine'"):
        terminal.session(program, os.environ, ["ls", "exit"])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import sys; sys.exit(9)", "dvm-server ended with code 9"),
        ("print('Content-Length: 3\\r\\n\\r\\n{]}', flush=True); input()", "wrote what is no message"),
    ],
)
def test_a_server_that_cannot_answer_is_an_error_at_once(tmp_path: Path, script: str, reason: str) -> None:
    (tmp_path / "dvm_server.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    client = editor.Editor(tmp_path, environment, print)
    try:
        with pytest.raises(DemoError, match=reason):
            client.initialize()
    finally:
        client.kill()
