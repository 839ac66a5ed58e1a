"""A Docker Engine that listens where another product's VM has its socket, under a home made for it."""

from __future__ import annotations

from pathlib import Path

from tests.engines.bridges import make_bridge
from tests.engines.docker_api import started
from tests.engines.keeping import Kept, Process
from tests.engines.kinds import docker
from tests.engines.registry import EngineKind, RunningEngine, Share


class DockerElsewhere(EngineKind):
    programs = docker.PROGRAMS
    suite = Share(("TestStart", "TestMount", "TestPort"), "the same engine at another product's place, as in a VM")
    mount_owner = 1000  # the user of a workspace in a VM: no file sharing is between it and this host

    def __init__(self, name: str, socket: str, order: int, which: str) -> None:
        self.name = self.runtime = name
        self.order = order
        self.which = which
        self._socket = socket

    def run(self, folder: Path) -> RunningEngine:
        home = folder / "home"
        socket = home / self._socket
        socket.parent.mkdir(parents=True)
        (folder / "none.json").write_text("{}")
        bridge = make_bridge()
        process = Process((*docker.arguments(folder, socket), *docker.network(bridge)), ready=("http", str(socket)))
        kept = Kept(folder, [process], docker.PRIVATE, bridge=bridge)
        # Both VMs see the home folder, and Colima's no other.
        return started(self, kept, socket, {"HOME": str(home)}, host_folder=home / "work")


KINDS: list[EngineKind] = [
    DockerElsewhere("orbstack", ".orbstack/run/docker.sock", 30, "orbstack"),
    DockerElsewhere("colima", ".colima/work/docker.sock", 31, "colima:work"),
]
