"""A terminal of the editor's own on an engine that lives in the server's process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from tests.server.wire_client import DVM_SERVER, PATIENCE, WireClient, serving

from dvm_server.relay.host import MAX_OPEN


@pytest.fixture
def client() -> Iterator[WireClient]:
    with serving(*DVM_SERVER, "--runtime", "mock") as client:
        client.command("dvm.workspace.start", {"imageName": "mock:latest", "workspaceName": "dev"})
        yield client


def plan(client: WireClient, **options: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.command("dvm.workspace.attach", {"workspace": "dev", **options})
    assert made["program"] == sys.executable
    return made


def terminal(made: dict[str, Any]) -> Any:
    env = {**os.environ, **made["env"], "TERM": "xterm-test"}
    return pexpect.spawn(
        made["program"], made["args"], env=env, cwd=made["cwd"], timeout=PATIENCE, dimensions=(31, 97), encoding="utf-8"
    )


def test_a_terminal_is_a_shell_inside(client: WireClient) -> None:
    made = plan(client, shell="/bin/sh", env={"TOKEN": "hunter2"})
    assert "hunter2" not in repr(made["args"])
    shell = terminal(made)
    shell.sendline("echo $TERM-$TOKEN; stty size")
    shell.expect_exact("xterm-test-hunter2")
    shell.expect_exact("31 97")
    shell.setwinsize(40, 100)
    shell.sendline("exit 7")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 7


def test_pipes_are_passed_on_as_they_are(client: WireClient) -> None:
    made = plan(client, command=["sh", "-c", "cat; echo apart >&2; exit 3"])
    ran = subprocess.run(
        [made["program"], *made["args"]], input=b"\x00in\xff", capture_output=True, timeout=PATIENCE, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, b"\x00in\xff", b"apart\n")


def test_a_terminal_that_is_closed_ends_the_shell(client: WireClient) -> None:
    shell = terminal(plan(client, command=["sh", "-c", "echo $$; exec sleep 1000"]))
    shell.expect(r"(\d+)\r\n")
    look = {"workspace": "dev", "command": ["test", "-d", f"/proc/{int(shell.match[1])}"]}
    assert client.command("dvm.workspace.exec", look)["exitCode"] == 0
    shell.close(force=True)
    for _ in range(10_000):
        if client.command("dvm.workspace.exec", look)["exitCode"] == 1:
            return
    raise AssertionError("the shell goes on without its terminal")


def test_an_offer_is_for_one_and_for_this_user(client: WireClient) -> None:
    made = plan(client, command=["true"])
    path = Path(made["args"][-1])
    assert path.parent.stat().st_mode & 0o077 == 0
    first = subprocess.run([made["program"], *made["args"]], timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
    assert first.returncode == 0
    second = subprocess.run([made["program"], *made["args"]], capture_output=True, timeout=PATIENCE, check=False)
    assert second.returncode == 1
    assert b"Open a new terminal" in second.stderr
    assert not path.exists()


def test_offers_that_nobody_takes_do_not_pile_up(client: WireClient) -> None:
    made = [plan(client, command=["true"]) for _ in range(MAX_OPEN)]
    assert "not opened" in client.failure("dvm.workspace.attach", {"workspace": "dev"}).message
    with socket.socket(socket.AF_UNIX) as first:
        first.connect(made[0]["args"][-1])
        # There is room as soon as the server has taken the call, which it tells by removing the socket.
        while Path(made[0]["args"][-1]).exists():
            client.command("dvm.workspace.list")
        plan(client)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for temporary files; its path is short, as those of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="dvm-") as name:
        yield Path(name)


@contextlib.contextmanager
def offering(place: Path) -> Iterator[WireClient]:
    """A server that has offered a terminal which nobody has opened."""
    with serving(*DVM_SERVER, "--runtime", "mock", env={**os.environ, "TMPDIR": os.fspath(place)}) as client:
        client.command("dvm.workspace.start", {"imageName": "mock:latest", "workspaceName": "dev"})
        assert Path(plan(client)["args"][-1]).is_relative_to(place)
        yield client


def test_an_offer_that_nobody_took_goes_with_the_server(place: Path) -> None:
    with offering(place):
        assert len(list(place.iterdir())) == 1
    assert list(place.iterdir()) == []


def test_what_a_killed_server_has_left_goes_with_the_next_offer(place: Path) -> None:
    with offering(place):
        with offering(place) as killed:
            killed.kill()
        assert len(list(place.iterdir())) == 2
        with offering(place):
            assert len(list(place.iterdir())) == 2
    assert list(place.iterdir()) == []


def test_the_servers_end_ends_the_terminal(client: WireClient) -> None:
    shell = terminal(plan(client, command=["sh", "-c", "echo up; exec sleep 1000"]))
    shell.expect_exact("up")
    client.kill()
    shell.expect_exact("the editor's server has ended")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 1


def test_a_workspace_that_has_stopped_meanwhile_is_told_of(client: WireClient) -> None:
    made = plan(client, command=["true"])
    client.command("dvm.workspace.stop", {"workspace": "dev", "grace": 0})
    ran = subprocess.run(
        [made["program"], *made["args"]], capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(b"dvm: ")


def test_nonsense_on_the_socket_is_dropped(client: WireClient) -> None:
    with socket.socket(socket.AF_UNIX) as nonsense:
        nonsense.connect(plan(client)["args"][-1])
        nonsense.sendall(b"GET / HTTP/1.1\r\n\r\n")
        nonsense.shutdown(socket.SHUT_WR)
        assert nonsense.recv(100) == b""
    usage = subprocess.run(
        [sys.executable, "-m", "dvm_server.relay"], capture_output=True, timeout=PATIENCE, check=False
    )
    assert usage.returncode == 2
