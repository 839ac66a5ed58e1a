"""Docker Engine as this machine's packages have it (20.10 on Debian 12)."""

from __future__ import annotations

from pathlib import Path

from tests.engines.bridges import Bridge, make_bridge
from tests.engines.docker_api import started
from tests.engines.keeping import Kept, Process
from tests.engines.registry import EngineKind, RunningEngine

PROGRAMS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "docker-init": "tini",
}


def arguments(folder: Path, socket: Path) -> list[str]:
    """Where a ``dockerd`` keeps everything: in ``folder``; it listens at ``socket``."""
    return [
        "dockerd",
        f"--host=unix://{socket}",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/dockerd.pid",
        f"--config-file={folder}/none.json",
        f"--cgroup-parent=/{folder.name}",
    ]


def network(bridge: Bridge) -> list[str]:
    """A bridge of its own, and published ports through ``docker-proxy``.

    Without firewall rules: several engines in one network would undo each other's.
    """
    return [
        f"--bridge={bridge.name}",
        f"--default-address-pool=base={bridge.pool},size=28",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--userland-proxy=true",
    ]


# A dockerd uses the machine's own containerd if it finds its socket in /run, and writes a key to /etc/docker.
PRIVATE = ("/run", "/etc/docker")


class Docker(EngineKind):
    name = "docker"
    runtime = "docker"
    programs = PROGRAMS
    order = 10

    def run(self, folder: Path) -> RunningEngine:
        socket = folder / "docker.sock"
        (folder / "none.json").write_text("{}")
        bridge = make_bridge()
        process = Process((*arguments(folder, socket), *network(bridge)), ready=("http", str(socket)))
        kept = Kept(folder, [process], PRIVATE, bridge=bridge)
        return started(self, kept, socket, client_environment(folder, f"unix://{socket}"))


def client_environment(folder: Path, endpoint: str) -> dict[str, str]:
    """The environment in which a docker client uses the engine and has no settings of its own."""
    config = folder / "client"
    config.mkdir(exist_ok=True)
    return {"DOCKER_HOST": endpoint, "DOCKER_CONFIG": str(config)}


KINDS: list[EngineKind] = [Docker()]
