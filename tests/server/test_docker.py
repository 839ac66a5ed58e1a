"""dvm-server on a real Docker Engine: every step of a workspace's life, changes by others, and every way to end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.wire_client import DVM_SERVER, PATIENCE, WireClient, serving

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

SHOWS = {"window": {"workDoneProgress": True}}


@pytest.fixture
def client(docker_engine: RunningEngine) -> Iterator[WireClient]:
    with on(docker_engine) as client:
        yield client


def on(engine: RunningEngine) -> Any:
    return serving(*DVM_SERVER, "--runtime", "docker", env=engine.environment())


@pytest.fixture
def name(docker_engine: RunningEngine, request: pytest.FixtureRequest) -> Iterator[str]:
    """A workspace's name of this test's own; what is left of it is removed."""
    name = f"t{abs(hash(request.node.nodeid)) % 10**8}"
    yield name
    docker_engine.outside.remove(f"dvm-{name}")


def options(engine: RunningEngine, name: str, **more: Any) -> dict[str, Any]:
    return {"imageName": engine.image, "workspaceName": name, "pull": "never", **more}


def is_of(name: str) -> Any:
    return lambda params: params["workspace"]["workspace"] == name


def causes(client: WireClient, name: str, count: int) -> list[str]:
    return [client.notification("dvm/workspaceChanged", is_of(name))["cause"] for _ in range(count)]


def test_the_life_of_a_workspace(client: WireClient, docker_engine: RunningEngine, name: str) -> None:
    info = client.command("dvm.runtime.info")
    assert (info["runtime"], info["version"]) == ("docker", docker_engine.version)
    started = client.command("dvm.workspace.start", options(docker_engine, name))
    assert started["status"] == "running"
    result = client.command("dvm.workspace.exec", {"workspace": name, "command": ["sh", "-c", "echo hi; exit 7"]})
    assert (result["exitCode"], result["stdout"]) == (7, "hi\n")
    assert client.command("dvm.workspace.status", {"workspace": name})["id"] == started["id"]
    assert client.command("dvm.workspace.stop", {"workspace": name, "grace": 5})["status"] == "exited"
    assert client.command("dvm.workspace.status", {"workspace": name})["status"] == "exited"
    assert client.command("dvm.workspace.restart", {"workspace": name})["status"] == "running"
    assert client.command("dvm.workspace.remove", {"workspace": name, "force": True})["status"] == "not_found"
    assert causes(client, name, 6) == ["created", "started", "stopped", "started", "stopped", "removed"]


def test_changes_by_others_are_told(client: WireClient, docker_engine: RunningEngine, name: str) -> None:
    started = client.command("dvm.workspace.start", options(docker_engine, name))
    causes(client, name, 2)
    docker_engine.outside.pause(started["id"])
    assert causes(client, name, 1) == ["paused"]
    assert client.command("dvm.workspace.status", {"workspace": name})["status"] == "paused"
    docker_engine.outside.unpause(started["id"])
    assert causes(client, name, 1) == ["resumed"]
    docker_engine.outside.kill(started["id"])
    assert causes(client, name, 1) == ["stopped"]
    docker_engine.outside.remove(started["id"])
    assert causes(client, name, 1) == ["removed"]
    assert client.command("dvm.workspace.find", {"workspace": name}) is None


def test_two_servers_agree(client: WireClient, docker_engine: RunningEngine, name: str) -> None:
    with on(docker_engine) as other:
        other.command("dvm.workspace.list")
        started = client.command("dvm.workspace.start", options(docker_engine, name))
        assert causes(other, name, 2) == ["created", "started"]
        assert other.command("dvm.workspace.start", options(docker_engine, name))["id"] == started["id"]
        other.command("dvm.workspace.remove", {"workspace": name, "force": True})
        assert causes(client, name, 4)[-1] == "removed"
        mine, theirs = (one.command("dvm.workspace.status", {"workspace": name}) for one in (client, other))
        assert mine == theirs


def test_attach_gives_what_a_terminal_can_run(client: WireClient, docker_engine: RunningEngine, name: str) -> None:
    client.command("dvm.workspace.start", options(docker_engine, name))
    plan = client.command(
        "dvm.workspace.attach", {"workspace": name, "env": {"TOKEN": "hunter2"}, "command": ["sh", "-c", "echo $TOKEN"]}
    )
    assert "hunter2" not in repr(plan["args"])
    # A terminal has an environment of its own, which may name other engines.
    elsewhere = {**docker_engine.environment(), "DOCKER_HOST": "unix:///nowhere.sock", "DVM_RUNTIME": "mock"}
    ran = subprocess.run(
        [plan["program"], *plan["args"]],
        env={**elsewhere, **plan["env"]},
        cwd=plan["cwd"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, b"hunter2\n"), ran.stderr


def test_an_explicit_choice_that_does_not_exist_is_an_error(docker_engine: RunningEngine, tmp_path: Path) -> None:
    env = docker_engine.environment()
    (tmp_path / "docker.sock").symlink_to(env.pop("DOCKER_HOST").removeprefix("unix://"))
    env |= {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    shows_status = {"experimental": {"serverStatusNotification": True}}
    for variable, value in (("DOCKER_CONTEXT", "nosuch"), ("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")):
        with serving(*DVM_SERVER, env={**env, variable: value}, capabilities=shows_status) as client:
            state = client.notification("dvm/runtimeChanged")
            assert state["state"] == "unavailable"
            assert variable in state["message"] + state["hint"]
            status = client.notification("experimental/serverStatus", lambda params: params["quiescent"])
            assert status["health"] == "error"
            assert variable in status["message"]
            assert client.failure("dvm.workspace.list").data["kind"] == "runtime_unavailable"
    with serving(*DVM_SERVER, env=env) as client:  # without such a choice the live engine is used
        assert client.notification("dvm/runtimeChanged")["state"] == "ready"


def test_a_terminal_opens_on_the_servers_engine(docker_engine: RunningEngine, name: str, tmp_path: Path) -> None:
    # The server's engine is at no known place, and the terminal's environment names another one.
    env = docker_engine.environment()
    address = env.pop("DOCKER_HOST")
    with serving(*DVM_SERVER, "--runtime", f"docker:{address}", env=env) as client:
        client.command("dvm.workspace.start", options(docker_engine, name))
        plan = client.command("dvm.workspace.attach", {"workspace": name, "command": ["true"]})
    assert f"docker:{address}" in plan["args"]
    elsewhere = {**env, "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock", "DVM_RUNTIME": "mock"}
    command, terminal = [plan["program"], *plan["args"]], {**elsewhere, **plan["env"]}
    subprocess.run(command, env=terminal, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=True)


def test_an_engine_that_stops_and_starts(private_docker_engine: RunningEngine) -> None:
    with on(private_docker_engine) as client:
        client.command("dvm.workspace.start", options(private_docker_engine, "dev"))
        client.kept.clear()
        private_docker_engine.stop()
        gone = client.notification("dvm/runtimeChanged")
        assert (gone["runtime"], gone["state"]) == ("docker", "unavailable")
        assert client.failure("dvm.workspace.list").data["kind"] == "runtime_unavailable"
        private_docker_engine.start()
        assert client.notification("dvm/runtimeChanged")["state"] == "ready"
        client.notification("dvm/workspaceChanged", lambda params: params["cause"] == "stopped")
        assert client.command("dvm.workspace.start", {"workspace": "dev"})["status"] == "running"


def test_an_engine_that_is_started_after_the_server(private_docker_engine: RunningEngine) -> None:
    private_docker_engine.stop()
    with on(private_docker_engine) as client:
        told = client.notification("dvm/runtimeChanged")
        assert told["state"] == "unavailable"
        assert told["hint"]
        error = client.failure("dvm.workspace.list")
        assert (error.code, error.data["kind"]) == (-32803, "runtime_unavailable")
        private_docker_engine.start()
        assert client.notification("dvm/runtimeChanged")["state"] == "ready"
        assert client.command("dvm.workspace.list") == []


def slow_build(client: WireClient, engine: RunningEngine, folder: Path) -> int:
    """Begin a build that takes long and return its request's ID once it is in the long step."""
    (folder / "Dockerfile").write_text(f"FROM {engine.image}\nRUN sleep 987\n")
    given = {"imageName": "lab/slow", "appPath": str(folder)}
    request = client.begin_command("dvm.image.build", given, workDoneToken="build")
    client.notification("$/progress", lambda params: "sleep 987" in params["value"].get("message", ""))
    return request


def sleepers() -> list[int]:
    """The processes of the build's long step, whoever is their parent."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
        except OSError:
            continue  # ended meanwhile
        if b"987" in words or b"sleep 987" in words:
            found.append(int(entry.name))
    return found


def wait_until_nothing_sleeps(engine: RunningEngine) -> None:
    """Let the engine do something until the build's step is gone: each call is one round trip."""
    for _ in range(20_000):
        if not sleepers():
            return
        engine.outside.exists("nobody")
    raise AssertionError(f"still there: {sleepers()}")


@pytest.mark.parametrize("how", ["cancel", "shutdown", "end of input", "SIGTERM"])
def test_a_build_is_stopped_in_its_middle(
    client: WireClient, docker_engine: RunningEngine, tmp_path: Path, how: str
) -> None:
    request = slow_build(client, docker_engine, tmp_path)
    if how == "cancel":
        client.notify("$/cancelRequest", {"id": request})
        assert client.error(request).data["kind"] == "cancelled"
    elif how == "shutdown":
        assert client.end() == 0
    elif how == "end of input":
        client.close_input()
        assert client.wait() == 1
    else:
        client.process.send_signal(signal.SIGTERM)
        assert client.wait() == 128 + signal.SIGTERM
    wait_until_nothing_sleeps(docker_engine)


CLIENT = """
import json, subprocess, sys
server = subprocess.Popen([sys.executable, "-m", "dvm_server", "--runtime", "docker"], stdin=subprocess.PIPE)
def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    server.stdin.write(b"Content-Length: %d\\r\\n\\r\\n%b" % (len(body), body))
    server.stdin.flush()
import os
send({"id": 1, "method": "initialize", "params": {"processId": os.getpid(), "capabilities": {}}})
given = {"imageName": "lab/slow", "appPath": sys.argv[1]}
params = {"command": "dvm.image.build", "arguments": [given], "workDoneToken": "build"}
send({"id": 2, "method": "workspace/executeCommand", "params": params})
print(server.pid, flush=True)
server.wait()
"""


def test_a_client_that_is_killed_takes_everything_with_it(docker_engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {docker_engine.image}\nRUN sleep 987\n")
    editor = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        bufsize=0,
        env=docker_engine.environment(),
    )
    try:
        assert editor.stdout is not None
        server = int(editor.stdout.readline())
        said = b""
        while b"sleep 987" not in said:
            said += os.read(editor.stdout.fileno(), 65536)
        watch = os.pidfd_open(server)
        editor.kill()
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        assert poll.poll(PATIENCE * 1000)
        os.close(watch)
        wait_until_nothing_sleeps(docker_engine)
    finally:
        editor.kill()
        editor.communicate()
