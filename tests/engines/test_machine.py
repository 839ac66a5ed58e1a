"""A test run that is killed changes nothing of its machine, which has a Docker Engine of its own."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import namespaces
from tests.engines.docker_api import started
from tests.engines.docker_outside import DockerOutside
from tests.engines.fixtures import need
from tests.engines.keeping import Kept, Process, new_folder
from tests.engines.kinds import docker
from tests.engines.registry import RunningEngine, every_kind

ROOT = Path(__file__).parents[2]
LIMIT = 120.0
KINDS = ("docker", "podman", "containerd")

RUN = """
import socket, sys
from dvm_runtimes.options import Port, StartOptions
from tests.engines.registry import every_kind
from tests.engines.subjects import runtime_on

engines = [every_kind()[name].start() for name in sys.argv[1:]]
with socket.socket(socket.AF_UNIX) as client:
    assert client.connect_ex("/var/run/docker.sock"), "the machine's engine can be had"
for engine in engines:
    with runtime_on(engine.kind.runtime, engine.machine()) as runtime:
        runtime.create_network("left-behind")
        options = {"image_name": engine.image, "network_mode": "left-behind", "ports": [Port(80)]}
        runtime.start_workspace(StartOptions(workspace_name="left", **options))
engines[0].kill()
engines[0].start()
print(*(engine.keeper for engine in engines), flush=True)
sys.stdin.read()
"""
"""A test run, which is killed when it waits for more to read."""

UNTOLD = re.compile(r"^#.*|\[\d+:\d+\]", re.MULTILINE)
"""What `iptables-save` says of times and of packets."""


@pytest.fixture
def machine() -> Iterator[RunningEngine]:
    """A Docker Engine with its defaults in a network of its own, as on a developer's machine."""
    for name in KINDS:
        need(every_kind()[name])
    folder = new_folder()
    socket = folder / "docker.sock"
    (folder / "none.json").write_text("{}")
    engine = (*docker.arguments(folder, socket), "--host=unix:///var/run/docker.sock")
    script = 'ip link set lo up; exec "$@"'
    process = Process(("unshare", "--net", "sh", "-e", "-c", script, "sh", *engine), ready=("http", str(socket)))
    kept = Kept(folder, [process], docker.PRIVATE)
    machine = started(every_kind()["docker"], kept, socket, {})
    yield machine
    machine.end()


def on(machine: RunningEngine, *argv: str) -> list[str]:
    """The command that runs ``argv`` on that machine."""
    return ["nsenter", f"--target={machine.pid}", "--mount", "--net", "--", *argv]


def state_of(machine: RunningEngine) -> dict[str, str]:
    """All that an engine may change, by the command that tells of it."""
    commands = (
        "ip -o link",
        "ip -o -4 address",
        "ip route",
        "iptables-save",
        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables",
        "cat /proc/mounts",
        "cat /etc/passwd /etc/group /etc/subuid /etc/subgid",
        "ls -l /run /etc /var/lib /dev/shm",
    )
    said = {}
    for command in commands:
        argv = on(machine, *command.split())
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False)
        said[command] = UNTOLD.sub("", done.stdout + done.stderr)
    return said


def test_nothing_of_it_changes(machine: RunningEngine) -> None:
    (machine.host_folder / "page").write_text("still served")
    outside = machine.outside
    assert isinstance(outside, DockerOutside)
    serving = outside.create_serving("of-the-machine", machine.host_folder)
    before, everything = state_of(machine), outside.everything()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    del environment[namespaces.INSIDE]
    run = subprocess.Popen(
        on(machine, sys.executable, "-c", RUN, *KINDS),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        keepers = run.stdout.readline().split()
        assert len(keepers) == len(KINDS)
        ends = [os.pidfd_open(int(keeper)) for keeper in keepers]
        run.kill()
    for end in ends:
        assert select.select([end], [], [], LIMIT)[0], "a keeper goes on"
        os.close(end)
    assert outside.everything() == everything
    assert state_of(machine) == before
    url = f"http://127.0.0.1:{outside.port_of(serving)}/page"
    page = subprocess.run(
        on(machine, "busybox", "wget", "-q", "-O", "-", url), capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert page.stdout == "still served"
