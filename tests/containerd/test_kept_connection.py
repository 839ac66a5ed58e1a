"""The ssh connection that Lima keeps to a virtual machine: what goes through it, and how its loss is survived."""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.engines import lima
from tests.engines.kinds.colima import PROFILE
from tests.engines.registry import RunningEngine

from dvm_runtimes.cleanup.ledger import ledgers_folder, left
from dvm_runtimes.errors import OperationTimeoutError, RuntimeUnavailableError
from dvm_runtimes.options import ExecOptions
from dvm_runtimes.platforms.colima.ssh import SESSIONS
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT, sh


@pytest.fixture
def master(engine: RunningEngine, workspace: str) -> Iterator[int]:
    """The process that keeps the connection, which is there for the time of the test."""
    with lima.kept_connection(Path(engine.environment()["HOME"])) as pid:
        yield pid


@pytest.fixture
def no_colima(engine: RunningEngine) -> Iterator[None]:
    """Colima's own command says that nothing runs: what works all the same has gone through the connection."""
    described = engine.folder / "vm.json"
    before = described.read_text()
    vms = json.loads(before)
    vms["profiles"][PROFILE]["status"] = "Stopped"
    described.write_text(json.dumps(vms))
    yield
    described.write_text(before)


@pytest.mark.usefixtures("no_colima")
def test_without_it_there_is_no_way(runtime: ContainerRuntime, workspace: str) -> None:
    with pytest.raises(RuntimeUnavailableError, match="colima not running"):
        sh(runtime, workspace, "true")


@pytest.mark.usefixtures("master", "no_colima")
def test_commands_go_through_it(runtime: ContainerRuntime, workspace: str) -> None:
    assert sh(runtime, workspace, "echo out; echo err >&2; exit 7") == (7, b"out\n", b"err\n")
    hidden = secrets.token_hex(8)
    assert sh(runtime, workspace, 'printf "%s" "$IT"', env={"IT": f"{hidden}\n'\""}) == (
        0,
        f"{hidden}\n'\"".encode(),
        b"",
    )
    data = bytes(range(256)) * 4096
    assert sh(runtime, workspace, "cat", input=data) == (0, data, b"")


@pytest.mark.usefixtures("master", "no_colima")
@pytest.mark.parametrize(
    "word", ["", " ", "it's", '"', "$(id)", "`id`", "a\nb", "\\", "*", "~", "--", "😀", "x" * 131_071]
)
def test_words_arrive_as_they_are(runtime: ContainerRuntime, workspace: str, word: str) -> None:
    result = runtime.exec_in_workspace(workspace, ["printf", "%s|", word, "end"], timeout=LIMIT)
    assert result.stdout.decode() == f"{word}|end|"


@pytest.mark.usefixtures("master", "no_colima")
def test_terminals_go_through_it(runtime: ContainerRuntime, workspace: str) -> None:
    with runtime.open_terminal(workspace, rows=30, columns=90, timeout=LIMIT) as terminal:
        # A size goes its own way, beside what is typed.
        terminal.sendline("until [ \"$(stty size)\" = '30 90' ]; do :; done; echo fi''ts; stty -echo")
        terminal.expect_exact("fits", timeout=LIMIT)
        terminal.setwinsize(40, 100)
        terminal.sendline("until [ \"$(stty size)\" = '40 100' ]; do :; done; echo resi''zed; exit 5")
        terminal.expect_exact("resized", timeout=LIMIT)
        terminal.expect(terminal.EOF, timeout=LIMIT)
    assert "FATA" not in str(terminal.before)
    assert terminal.exitstatus == 5


@pytest.mark.usefixtures("master")
def test_more_than_it_has_room_for_take_the_other_way(runtime: ContainerRuntime, workspace: str) -> None:
    number = SESSIONS + 4
    gate = threading.Barrier(number)

    def work(which: int) -> tuple[int, bytes]:
        # All of them run at the same time.
        options = ExecOptions(on_stdout=lambda _: gate.wait(LIMIT))
        result = runtime.exec_in_workspace(
            workspace, ["sh", "-c", f"echo {which}; exit {which}"], options, timeout=LIMIT
        )
        return result.exit_code, result.stdout

    with ThreadPoolExecutor(number) as pool:
        results = list(pool.map(work, range(number), timeout=LIMIT * 2))
    assert [code for code, _ in results] == list(range(number))


@pytest.mark.usefixtures("master", "no_colima")
def test_a_command_whose_time_is_up_is_ended_there(runtime: ContainerRuntime, workspace: str) -> None:
    length = str(9_000_000 + secrets.randbelow(1_000_000))
    with pytest.raises(OperationTimeoutError):
        runtime.exec_in_workspace(workspace, ["sleep", length], timeout=2)
    assert sh(runtime, workspace, f"cat /proc/[0-9]*/cmdline | grep -ac '[{length[0]}]{length[1:]}'")[1] == b"0\n"


def test_its_loss_ends_what_ran_and_nothing_else(runtime: ContainerRuntime, workspace: str, master: int) -> None:
    options = ExecOptions(on_stdout=lambda _: os.kill(master, signal.SIGKILL))
    with pytest.raises(RuntimeUnavailableError) as caught:
        runtime.exec_in_workspace(workspace, ["sh", "-c", "echo here; exec sleep 600"], options, timeout=LIMIT)
    assert caught.value.platform == runtime.platform_name
    # The socket of a connection that was killed is still there.
    assert sh(runtime, workspace, "echo back; exit 3") == (3, b"back\n", b"")


def test_one_that_hangs_costs_the_time_that_was_given(runtime: ContainerRuntime, workspace: str, master: int) -> None:
    os.kill(master, signal.SIGSTOP)
    try:
        with pytest.raises(OperationTimeoutError):
            runtime.get_workspace_status(workspace, timeout=1)
    finally:
        os.kill(master, signal.SIGCONT)
    assert sh(runtime, workspace, "echo back") == (0, b"back\n", b"")


@pytest.mark.usefixtures("no_colima")
def test_a_command_on_one_that_hangs_is_in_a_ledger_until_it_has_ended(
    runtime: ContainerRuntime, workspace: str, master: int
) -> None:
    before = unended()
    options = ExecOptions(on_stdout=lambda _: os.kill(master, signal.SIGSTOP))
    try:
        with pytest.raises(OperationTimeoutError):
            runtime.exec_in_workspace(workspace, ["sh", "-c", "echo here; exec sleep 600"], options, timeout=3)
        assert len(unended() - before) == 1, "it is recorded before the call returns"
    finally:
        os.kill(master, signal.SIGCONT)

    pause = threading.Event()
    assert any(not unended() - before or pause.wait(0.1) for _ in range(int(LIMIT * 10)))


def unended() -> set[str]:
    """The calls that ledgers have."""
    return {one.name for file in ledgers_folder().glob("*.ledger") for one in left(file) if one.kind == "call"}
