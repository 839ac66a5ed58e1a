"""Owners are judged dead only when that is certain."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dvm_runtimes.cleanup.ownership import current_owner, is_dead, owner_of
from dvm_runtimes.validation.naming import check_part


@pytest.fixture
def child() -> subprocess.Popen[bytes]:
    """A process that ends when its standard input does."""
    return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


def end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()
    child.wait(30)


def test_this_process_lives() -> None:
    host, pid, start = current_owner().split(":")

    assert host
    assert int(pid) == os.getpid()
    assert start
    assert not is_dead(current_owner())
    assert check_part(current_owner(), "owner") == current_owner()


def test_a_process_that_ended_is_dead(child: subprocess.Popen[bytes]) -> None:
    owner = owner_of(child.pid)
    assert not is_dead(owner)

    end(child)

    assert is_dead(owner)
    with pytest.raises(ProcessLookupError):
        owner_of(child.pid)


def test_a_zombie_is_dead(child: subprocess.Popen[bytes]) -> None:
    owner = owner_of(child.pid)
    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has taken note

    assert is_dead(owner)
    child.wait(30)


def test_another_process_of_the_same_number_is_not_the_owner() -> None:
    host, pid, start = current_owner().split(":")

    assert is_dead(f"{host}:{pid}:1{start}")


def test_the_same_tick_of_another_boot_is_not_the_owner() -> None:
    host, pid, start = current_owner().split(":")
    tick, _, boot = start.partition(".")
    if not boot:
        pytest.skip("only Linux counts from the boot")

    assert is_dead(f"{host}:{pid}:{tick}.{'0' * len(boot)}")


@pytest.mark.parametrize(
    "owner",
    ["", "x", "::", "host:1", "host:0:1", "host:-1:1", "elsewhere:999999:1", "a b c", "host:1:2:3"],
)
def test_what_cannot_be_known_is_not_dead(owner: str) -> None:
    assert not is_dead(owner)


@pytest.mark.parametrize("pid", ["0", "-1", "99999999999", "1e3", " 7", "7 "])
def test_a_number_that_is_no_pid_is_not_dead(pid: str) -> None:
    host, _, start = current_owner().split(":")

    assert not is_dead(f"{host}:{pid}:{start}")


def test_a_process_that_may_not_be_looked_at_is_not_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hidepid, /proc has nothing of another user's process, and a signal to it is refused."""
    owner = current_owner()

    def hidden(*args: object, **kwargs: object) -> str:
        raise FileNotFoundError

    def refused(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("dvm_runtimes.cleanup.ownership.Path.read_text", hidden)
    monkeypatch.setattr("dvm_runtimes.cleanup.ownership._host", lambda: owner.split(":")[0])
    monkeypatch.setattr(os, "kill", refused)

    assert not is_dead(owner)
