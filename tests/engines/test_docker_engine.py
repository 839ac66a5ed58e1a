"""The harness itself: an engine is real, private, and leaves nothing."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.http_over_socket import ask

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

ROOT = Path(__file__).parents[2]


def socket_of(engine: RunningEngine) -> str:
    return engine.endpoint.removeprefix("unix://")


def test_it_answers_with_both_images(docker_engine: RunningEngine) -> None:
    ids = {
        ask(socket_of(docker_engine), "GET", f"/images/{name}/json")["Id"]
        for name in (docker_engine.image, docker_engine.other_image)
    }
    assert len(ids) == 2


def test_a_shared_engine_cannot_be_stopped(docker_engine: RunningEngine) -> None:
    with pytest.raises(RuntimeError, match="private_docker_engine"):
        docker_engine.kill()


def test_it_can_be_killed_and_started_again(private_docker_engine: RunningEngine) -> None:
    container = private_docker_engine.outside.create_foreign("survivor")
    private_docker_engine.kill()
    with pytest.raises(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(socket_of(private_docker_engine))
    private_docker_engine.start()
    assert private_docker_engine.outside.exists(container)
    assert not private_docker_engine.outside.is_running(container)


_START_ONE = """
import sys
from tests.engines.registry import every_kind
engine = every_kind()["docker"].start()
engine.outside.create_foreign("left-alone")
print(engine.folder, engine.keeper, sep="\\t", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_test_run_is_killed(docker_engine: RunningEngine, how: signal.Signals) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _START_ONE],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with child:
        assert child.stdout is not None
        folder, keeper = child.stdout.readline().strip().split("\t")
        gone = os.pidfd_open(int(keeper))
        child.send_signal(how)
        child.wait(10)
    try:
        # A process descriptor can be read once the process has ended.
        assert select.select([gone], [], [], 60)[0], "the keeper goes on"
    finally:
        os.close(gone)
    assert not Path(folder).exists()
    assert [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if folder.encode() in read(entry)] == []


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended
