"""The server ends with the client's process, whatever keeps its pipes open."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.server.wire_client import COMMANDS_ONLY, PATIENCE, serving

from dvm_server.protocol.process import watch_process

SLEEPER = "import sys; sys.stdin.read()"


@contextmanager
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_server_ends_when_the_process_ends() -> None:
    with other_process() as process, serving(*COMMANDS_ONLY, processId=process.pid) as client:
        client.begin_command("deaf")
        process.kill()
        # Not collected by anybody yet: a dead process all the same.
        assert client.process.wait(PATIENCE) == 1


@pytest.mark.parametrize("process_id", [0, -1, 2**22 + 5, 2**70])
def test_a_number_of_no_process_of_this_machine_is_not_watched(process_id: int) -> None:
    with serving(*COMMANDS_ONLY, processId=process_id) as client:
        assert client.command("echo", 1) == 1
        assert client.end() == 0


def test_without_pidfd_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr("dvm_server.protocol.process._INTERVAL", 0.01)
    assert _seen_ending()


def test_where_pidfd_is_refused_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    monkeypatch.setattr("dvm_server.protocol.process._INTERVAL", 0.01)
    assert _seen_ending()


def _seen_ending() -> bool:
    async def watch() -> bool:
        ended = asyncio.Event()
        with other_process() as process:
            watch_process(process.pid, ended.set)
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
            await asyncio.wait_for(ended.wait(), PATIENCE)
        return True

    return asyncio.run(watch())


def test_a_watch_can_be_stopped() -> None:
    async def watch() -> bool:
        ended = threading.Event()
        with other_process() as process:
            stop = watch_process(process.pid, ended.set)
            stop()
            stop()
        await asyncio.sleep(0)
        return ended.is_set()

    assert not asyncio.run(watch())
