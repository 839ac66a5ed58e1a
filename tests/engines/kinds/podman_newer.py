"""Podman as Debian 13 has it (5.4), in a folder of its own beside this machine's system."""

from __future__ import annotations

import json
from pathlib import Path

from tests.engines.bridges import Bridge, make_bridge
from tests.engines.debian_tree import TRIXIE
from tests.engines.docker_api import started
from tests.engines.keeping import Kept, Process
from tests.engines.kinds.podman import environment
from tests.engines.registry import EngineKind, RunningEngine, Share

PROGRAMS = {"debootstrap": "debootstrap"}

_SETTINGS = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
init_path = "/usr/bin/tini-static"

[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]

[network]
network_backend = "netavark"
firewall_driver = "iptables"
network_config_dir = "{folder}/networks"
"""


def write_network(file: Path, bridge: Bridge) -> None:
    """Describe the network that every container is on."""
    file.parent.mkdir()
    described = {
        "name": "podman",
        # The ID that Podman gives its default network on every machine.
        "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
        "driver": "bridge",
        # Not the bridge itself, which netavark would remove with the last container.
        "network_interface": f"podman{bridge.number}",
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{"subnet": bridge.pool}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
    }
    file.write_text(json.dumps(described))


class NewerPodman(EngineKind):
    name = "podman-5.4"
    runtime = "podman"
    programs = PROGRAMS
    order = 22
    suite = Share(
        ("TestStatus", "TestImage", "TestPort"),
        "a newer version with another program for networks: a smoke set, and ports",
    )

    def why_not_yet(self) -> str:
        return TRIXIE.why_not()

    def prepare(self) -> None:
        TRIXIE.make()

    def run(self, folder: Path) -> RunningEngine:
        socket = folder / "podman.sock"
        bridge = make_bridge()
        write_network(folder / "networks" / "podman.json", bridge)
        env = environment(folder, _SETTINGS.format(folder=folder))
        places = (f"--root={folder}/storage", f"--runroot={folder}/run", f"--tmpdir={folder}/tmp")
        argv = TRIXIE.command(folder, "podman", *places, "system", "service", "--time=0", f"unix://{socket}")
        process = Process(argv, ready=("http", str(socket)), env=env)
        kept = Kept(folder, [process], ("/dev/shm",), bridge=bridge)
        return started(self, kept, socket, {"CONTAINER_HOST": f"unix://{socket}"})


KINDS: list[EngineKind] = [NewerPodman()]
