"""Docker Engine as this machine's packages have it (20.10 on Debian 12)."""

from __future__ import annotations

from pathlib import Path

from tests.engines import base_image
from tests.engines.docker_outside import DockerOutside
from tests.engines.http_over_socket import ask
from tests.engines.keeper import ADDRESS_POOL, BRIDGE
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


def network() -> list[str]:
    """A real bridge and published ports, without one change to this machine's firewall or routing.

    Published ports go through ``docker-proxy``, which needs neither.
    """
    return [
        f"--bridge={BRIDGE}",
        f"--default-address-pool=base={ADDRESS_POOL},size=28",
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
        process = Process((*arguments(folder, socket), *network()), ready=("http", str(socket)))
        return docker_in(folder, self, [process], socket, PRIVATE, bridge=True)


def docker_in(
    folder: Path, kind: EngineKind, processes: list[Process], socket: Path, private: tuple[str, ...], *, bridge: bool
) -> RunningEngine:
    """Start the processes of a Docker engine, put the images on it and say what it is."""
    kept = Kept(folder, processes, private, bridge=bridge)
    try:
        pids = kept.start()
        base_image.load(str(socket))
        version = ask(str(socket), "GET", "/version")["Version"]
    except BaseException:
        kept.end()
        raise
    config = folder / "client"
    config.mkdir()
    return RunningEngine(
        kind,
        kept,
        endpoint=f"unix://{socket}",
        version=version,
        outside=DockerOutside(str(socket)),
        pid=pids[0],
        environment={"DOCKER_HOST": f"unix://{socket}", "DOCKER_CONFIG": str(config)},
    )


KINDS: list[EngineKind] = [Docker()]
