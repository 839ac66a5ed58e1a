"""Docker Engine as newer Debian releases have it, each in a folder of its own beside this machine's system."""

from __future__ import annotations

from pathlib import Path

from tests.engines.bridges import make_bridge
from tests.engines.debian_tree import SID, TRIXIE, DebianTree
from tests.engines.docker_api import started
from tests.engines.keeping import Kept, Process
from tests.engines.kinds import docker
from tests.engines.registry import EngineKind, RunningEngine, Share

PROGRAMS = {**docker.PROGRAMS, "debootstrap": "debootstrap"}


class NewerDocker(EngineKind):
    runtime = "docker"
    programs = PROGRAMS
    suite = Share(("TestStatus", "TestImage", "TestEvent"), "newer versions of the same engine: a smoke set")

    def __init__(self, name: str, tree: DebianTree, order: int) -> None:
        self.name = name
        self.order = order
        self._tree = tree

    def why_not_yet(self) -> str:
        return self._tree.why_not()

    def prepare(self) -> None:
        self._tree.make()

    def run(self, folder: Path) -> RunningEngine:
        socket = folder / "docker.sock"
        (folder / "none.json").write_text("{}")
        bridge = make_bridge()
        argv = self._tree.command(folder, *docker.arguments(folder, socket), *docker.network(bridge))
        kept = Kept(folder, [Process(argv, ready=("http", str(socket)))], bridge=bridge)
        return started(self, kept, socket, docker.client_environment(folder, f"unix://{socket}"))


KINDS: list[EngineKind] = [NewerDocker("docker-26.1", TRIXIE, 11), NewerDocker("docker-28.5", SID, 12)]
