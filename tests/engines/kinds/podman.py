"""Podman as this machine's packages have it (4.3 on Debian 12), as root."""

from __future__ import annotations

from pathlib import Path

from tests.engines import cni
from tests.engines.bridges import make_bridge
from tests.engines.docker_api import started
from tests.engines.keeping import Kept, Process
from tests.engines.registry import EngineKind, RunningEngine

PROGRAMS = {
    "podman": "podman",
    "runc": "runc",
    "conmon": "conmon",
    "iptables": "iptables",
    "bridge": cni.PACKAGE,
    "tini-static": "tini",
}

# Podman keeps its locks in /dev/shm and more in /run, for every engine of this machine together.
PRIVATE = ("/run", "/dev/shm")
# CNI remembers every network in /var/lib/cni, whoever's it is.
OVERLAID = ("/var/lib",)

SETTINGS = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
init_path = "/usr/bin/tini-static"

[containers]
# Soft and hard the same: the Docker-compatible API of 4.3 swaps the two.
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]

[network]
network_backend = "cni"
cni_plugin_dirs = ["{plugins}"]
network_config_dir = "{folder}/networks"
"""


_REGISTRIES = """\
[[registry]]
location = "127.0.0.1"
insecure = true
"""


def environment(folder: Path, settings: str) -> dict[str, str]:
    """The environment of an engine with these settings, as ``containers.conf`` has them.

    Like Docker, and unlike Podman of its own accord, it trusts registries of this machine.
    """
    conf, registries = folder / "containers.conf", folder / "registries.conf"
    conf.write_text(settings)
    registries.write_text(_REGISTRIES)
    return {"CONTAINERS_CONF": str(conf), "CONTAINERS_REGISTRIES_CONF": str(registries)}


class Podman(EngineKind):
    name = "podman"
    runtime = "podman"
    programs = PROGRAMS
    order = 20

    def run(self, folder: Path) -> RunningEngine:
        socket = folder / "podman.sock"
        argv = (
            "podman",
            f"--root={folder}/storage",
            f"--runroot={folder}/run",
            f"--tmpdir={folder}/tmp",
            *("system", "service", "--time=0", f"unix://{socket}"),
        )
        settings = SETTINGS.format(folder=folder, plugins=cni.PLUGINS)
        bridge = make_bridge()
        cni.write_network(folder / "networks" / "87-podman.conflist", bridge, "podman")
        process = Process(argv, ready=("http", str(socket)), env=environment(folder, settings))
        kept = Kept(folder, [process], PRIVATE, overlaid=OVERLAID, bridge=bridge)
        return started(self, kept, socket, {"CONTAINER_HOST": f"unix://{socket}"})


KINDS: list[EngineKind] = [Podman()]
