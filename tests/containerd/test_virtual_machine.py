"""What only a virtual machine can do to a runtime: hide folders, hang, stop, and speak in between."""

from __future__ import annotations

import functools
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.engines import lima
from tests.engines.kinds.colima import PROFILE
from tests.engines.registry import RunningEngine

from dvm_runtimes.errors import (
    EngineError,
    ExecError,
    InvalidOptionError,
    OperationTimeoutError,
    RuntimeUnavailableError,
)
from dvm_runtimes.infos import ExecResult
from dvm_runtimes.options import ExecOptions, Mount, Port, StartOptions
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT, sh


@pytest.fixture
def vm(engine: RunningEngine) -> Iterator[Any]:
    """Changes what the virtual machine does, until the test is over."""
    described = engine.folder / "vm.json"
    before = described.read_text()

    def change(**changes: object) -> None:
        vms = json.loads(before)
        vms["profiles"][PROFILE] |= changes
        described.write_text(json.dumps(vms))

    change.folder = engine.folder  # type: ignore[attr-defined]
    yield change
    described.write_text(before)


def test_what_a_login_shell_prints_is_not_the_commands(
    engine: RunningEngine, runtime: ContainerRuntime, workspace: str
) -> None:
    profile = engine.folder / "home" / ".bash_profile"
    profile.write_text("echo Welcome; echo Careful >&2\n")
    try:
        assert sh(runtime, workspace, "echo out; echo err >&2; exit 7") == (7, b"out\n", b"err\n")
        with runtime.open_terminal(workspace, timeout=LIMIT) as terminal:
            terminal.sendline("stty -echo; echo rea''dy; exit 5")
            terminal.expect_exact("ready", timeout=LIMIT)
            terminal.expect(terminal.EOF, timeout=LIMIT)
        assert "Welcome" not in str(terminal.before)
        assert "FATA" not in str(terminal.before)
        assert terminal.exitstatus == 5
    finally:
        profile.unlink()


def test_lines_like_the_transports_are_the_commands_own(runtime: ContainerRuntime, workspace: str) -> None:
    line = 'time="2026-11-23T22:58:36Z" level=fatal msg="exit status 3"'
    assert sh(runtime, workspace, f"echo '{line}' >&2; exit 4") == (4, b"", f"{line}\n".encode())


def test_words_longer_than_a_command_line_may_be(runtime: ContainerRuntime, workspace: str) -> None:
    # Each of them goes through two shells, where a quote takes four or five bytes more.
    word = "it's $(long) " * 8_000
    result = runtime.exec_in_workspace(workspace, ["printf", "%s", word], timeout=LIMIT)
    assert result.stdout == word.encode()


def test_a_word_that_no_command_can_have_is_refused(runtime: ContainerRuntime, workspace: str) -> None:
    with pytest.raises(ExecError, match="longer than Linux allows, 131071 bytes") as caught:
        runtime.exec_in_workspace(workspace, ["printf", "%s", "x" * 131_072], timeout=LIMIT)
    assert caught.value.exit_code == 126


def test_secrets_are_in_no_process_list(engine: RunningEngine, runtime: ContainerRuntime, workspace: str) -> None:
    started = threading.Event()

    def heard(data: bytes) -> None:
        started.set()

    hidden = secrets.token_hex(8)
    env = {"PLAIN": hidden, "LINES": f"{hidden}\nin lines"}
    options = ExecOptions(env=env, on_stdout=heard, input=b"")
    script = 'echo ready; printf "%s" "$LINES" | grep -c .; sleep 2'
    work = functools.partial(runtime.exec_in_workspace, workspace, ["sh", "-c", script], options, timeout=LIMIT)
    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(LIMIT)
    words = b"".join(read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    thread.join(LIMIT)
    assert hidden.encode() not in words


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


def test_a_folder_that_it_does_not_see_is_refused_with_the_line_to_add(
    engine: RunningEngine, runtime: ContainerRuntime, tmp_path: Path
) -> None:
    options = StartOptions(image_name=engine.image, workspace_name="blind", mounts=[Mount(os.fspath(tmp_path), "/mnt")])
    with pytest.raises(InvalidOptionError) as caught:
        runtime.start_workspace(options, timeout=LIMIT)
    assert f"location: {tmp_path}" in caught.value.hint
    assert "colima.yaml" in caught.value.hint
    assert not engine.outside.exists(options.name)


def test_a_port_that_is_taken_here_is_refused(engine: RunningEngine, runtime: ContainerRuntime) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = Port(8080, holder.getsockname()[1])
        options = StartOptions(image_name=engine.image, workspace_name="taken", ports=[port])
        with pytest.raises(EngineError, match=rf"port {port.host} .*taken"):
            runtime.start_workspace(options, timeout=LIMIT)
    assert not engine.outside.exists(options.name)


def test_a_port_is_free_here_once_its_workspace_has_stopped(engine: RunningEngine, runtime: ContainerRuntime) -> None:
    options = StartOptions(image_name=engine.image, workspace_name="gives-up", ports=[Port(8000)])
    workspace = runtime.start_workspace(options, timeout=LIMIT)
    try:
        port = runtime.published_ports(workspace)["8000/tcp"].port
        runtime.stop_workspace(workspace, 1, timeout=LIMIT)
        assert any(is_free(port) for _ in range(100_000))
        # And it is the workspace's again.
        assert runtime.start_workspace(options, timeout=LIMIT) == workspace
        assert runtime.published_ports(workspace)["8000/tcp"].port == port
        assert not is_free(port)
    finally:
        runtime.remove_workspace(workspace, force=True, timeout=LIMIT)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_one_that_hangs_costs_the_time_that_was_given_and_no_more(
    runtime: ContainerRuntime, workspace: str, vm: Any
) -> None:
    vm(hangs=True)
    for call in (
        lambda: runtime.get_workspace_status(workspace, timeout=0.5),
        lambda: runtime.exec_in_workspace(workspace, ["true"], timeout=0.5),
        lambda: list(runtime.workspace_logs(workspace, timeout=0.5)),
        lambda: runtime.watch_workspaces(timeout=0.5),
    ):
        with pytest.raises(OperationTimeoutError) as caught:
            call()
        assert caught.value.platform == runtime.platform_name
    vm(hangs=False)
    assert sh(runtime, workspace, "echo back") == (0, b"back\n", b"")


def test_many_calls_at_once_find_room(
    engine: RunningEngine, runtime: ContainerRuntime, workspace: str, vm: Any
) -> None:
    """More than sshd takes at once: a call that it refuses has not begun, and comes again."""
    vm(through=str(lima.instance(engine.folder / "home") / "ssh.config"))
    number = 30

    def work(which: int) -> tuple[int, bytes, bytes]:
        return sh(runtime, workspace, f"echo {which}; exit {which}")

    with ThreadPoolExecutor(number) as pool:
        results = list(pool.map(work, range(number), timeout=LIMIT * 4))
    assert results == [(which, f"{which}\n".encode(), b"") for which in range(number)]


def test_one_that_refuses_for_a_while_is_asked_again(runtime: ContainerRuntime, workspace: str, vm: Any) -> None:
    vm(ssh_says=["kex_exchange_identification: Connection closed by remote host"])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sh, runtime, workspace, "echo here")
        with pytest.raises(TimeoutError):
            answer.result(2)
        vm()
        assert answer.result(LIMIT) == (0, b"here\n", b"")


def test_what_ssh_says_is_told(runtime: ContainerRuntime, workspace: str, vm: Any) -> None:
    vm(ssh_says=["No user exists for uid 4711"])
    with pytest.raises(RuntimeUnavailableError, match=r"No user exists for uid 4711 \(exit status 255\)"):
        runtime.get_workspace_status(workspace, timeout=LIMIT)


def test_one_that_stops_says_how_to_start_it_and_is_used_again(
    runtime: ContainerRuntime, workspace: str, vm: Any
) -> None:
    vm(status="Stopped")
    with pytest.raises(RuntimeUnavailableError, match=r"colima not running.*colima start"):
        runtime.get_workspace_status(workspace, timeout=LIMIT)
    with pytest.raises(RuntimeUnavailableError, match="colima start"):
        runtime.version(timeout=LIMIT)
    vm(status="Running")
    assert sh(runtime, workspace, "echo back") == (0, b"back\n", b"")


def test_one_remote_command_a_call(runtime: ContainerRuntime, workspace: str, vm: Any) -> None:
    """Each costs seconds on a slow machine: a look-up is one, and a command is one, whatever its input."""
    counted = runtime.list_workspaces(timeout=LIMIT)
    assert counted
    name = counted[0].name

    def calls(work: Callable[[], object]) -> int:
        vm(counts=True)
        file = vm.folder / "calls"
        file.unlink(missing_ok=True)
        work()
        return len(file.read_text().splitlines())

    assert calls(lambda: runtime.list_workspaces(timeout=LIMIT)) == 1
    assert calls(lambda: runtime.find_workspace(name, timeout=LIMIT)) == 1
    for data in (b"in", b""):
        results: list[ExecResult] = []
        options = ExecOptions(input=data)
        run = functools.partial(runtime.exec_in_workspace, name, ["cat"], options, timeout=LIMIT)
        assert calls(lambda run=run, results=results: results.append(run())) == 2  # type: ignore[misc]
        assert [(one.exit_code, one.stdout, one.stderr) for one in results] == [(0, data, b"")]


def test_the_command_asks_nothing_beside_its_call(
    engine: RunningEngine, runtime: ContainerRuntime, workspace: str, vm: Any
) -> None:
    """``dvm exec`` is the look-up and the command, ``dvm ls`` is the look."""
    name = runtime.list_workspaces(timeout=LIMIT)[0].name
    vm(counts=True)
    file = vm.folder / "calls"
    for words, number, out in ((["exec", name, "--", "echo", "in"], 2, "in\n"), (["ls", "--json"], 1, None)):
        file.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "dvm_runtimes.cli", *words[:1], "--runtime", f"colima:{PROFILE}", *words[1:]]
        done = subprocess.run(
            argv,
            env=engine.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert out is None or done.stdout == out
        assert len(file.read_text().splitlines()) == number
