"""A command that is ended early is ended inside, with all that it started, whatever the image has in it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvm_runtimes.engines.docker_api import DockerProfile
from dvm_runtimes.engines.docker_api.kill_script import MARK, kill_here, new_mark
from dvm_runtimes.errors import OperationCancelledError
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import BuildOptions, ExecOptions
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT, Start, runtime_at

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

FAMILY = """\
echo $$ > /tmp/parent
sleep 601 & echo $! > /tmp/child
setsid sleep 602 & echo $! > /tmp/session
(setsid sleep 603 & echo $! > /tmp/orphan)
echo all run
wait
"""
NAMES = ("parent", "child", "session", "orphan")


def cancelled(runtime: ContainerRuntime, workspace: str, command: list[str], word: bytes | None = b"all run") -> None:
    """Run a command, and cancel it once it has written ``word``, or at once."""
    cancel = CancelToken()

    def hear(piece: bytes) -> None:
        if word is not None and word in piece:
            cancel.set()

    timer = threading.Timer(0.5, cancel.set) if word is None else None
    if timer is not None:
        timer.start()
    with pytest.raises(OperationCancelledError):
        runtime.exec_in_workspace(workspace, command, ExecOptions(on_stdout=hear), timeout=LIMIT, cancel=cancel)


def alive(runtime: ContainerRuntime, workspace: str, name: str) -> bool:
    # A process that was ended, but not waited for, has no command line.
    script = f'[ -n "$(cat /proc/$(cat /tmp/{name})/cmdline 2>/dev/null)" ]'
    return runtime.exec_in_workspace(workspace, ["sh", "-c", script], timeout=LIMIT).exit_code == 0


@pytest.mark.parametrize("place", ["here", "vm"])
def test_the_whole_family_ends(docker_engine: RunningEngine, start: Start, place: str) -> None:
    """Children, those with a session of their own, and orphans: from this machine's kernel, and from inside."""
    workspace = start()
    profile = DockerProfile(place="here" if place == "here" else "vm")
    with runtime_at(docker_engine.endpoint, profile) as runtime:
        cancelled(runtime, workspace, ["sh", "-c", FAMILY])
        assert [name for name in NAMES if alive(runtime, workspace, name)] == []


@pytest.mark.parametrize("place", ["here", "vm"])
def test_others_go_on(docker_engine: RunningEngine, start: Start, place: str) -> None:
    """Only what the command started is ended: neither the main process nor another command."""
    workspace = start()
    profile = DockerProfile(place="here" if place == "here" else "vm")
    with runtime_at(docker_engine.endpoint, profile) as runtime:
        runtime.exec_in_workspace(workspace, ["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $! > /tmp/other"])
        cancelled(runtime, workspace, ["sh", "-c", FAMILY])
        assert alive(runtime, workspace, "other")


def test_a_command_of_another_user_ends_from_inside(docker_engine: RunningEngine, start: Start) -> None:
    workspace = start(uid=1000, gid=1000)
    with runtime_at(docker_engine.endpoint, DockerProfile(place="vm")) as runtime:
        cancelled(runtime, workspace, ["sh", "-c", FAMILY])
        assert [name for name in NAMES if alive(runtime, workspace, name)] == []


def test_an_image_without_any_tool(
    runtime: ContainerRuntime, start: Start, docker_engine: RunningEngine, tmp_path: Path
) -> None:
    """One static program and nothing else: it is ended all the same."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, tmp_path / "sleep")
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY sleep /sleep\nENTRYPOINT ["/sleep", "600"]\n')
    image = "dvm-test/bare:1"
    runtime.build_image(BuildOptions(image_name=image, app_path=tmp_path), timeout=LIMIT)
    workspace = start(image_name=image, entrypoint=["/sleep", "604"])
    cancelled(runtime, workspace, ["/sleep", "605"], None)
    top = runtime.engine.client.get("/containers/{}/top", workspace)  # type: ignore[attr-defined]
    assert not [row for row in top["Processes"] if "605" in row[-1]]


def test_a_mark_that_nothing_has_ends_nothing() -> None:
    assert not kill_here(new_mark())


def test_one_that_becomes_another_program_all_the_time_ends(tmp_path: Path) -> None:
    """In the middle of that, a process shows no environment."""
    program = tmp_path / "again"
    program.write_text('#!/bin/sh\necho\nexec "$0"\n')
    program.chmod(0o755)
    for _ in range(60):
        mark = new_mark()
        with subprocess.Popen([program], env={MARK: mark}, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.read(3) == b"\n\n\n"  # it has begun
                assert kill_here(mark)
                assert process.wait(LIMIT) == -signal.SIGKILL
            finally:
                process.kill()


def test_a_commands_environment_has_its_mark(runtime: ContainerRuntime, start: Start) -> None:
    found = runtime.exec_in_workspace(start(), ["env"], timeout=LIMIT).stdout.decode()
    assert any(line.startswith(f"{MARK}=") for line in found.splitlines())
