"""Podman as Debian 13 has it (5.4), in a folder of its own beside this machine's system."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.engines import cni_ports, netavark_ports
from tests.engines.debian_tree import TRIXIE
from tests.engines.docker_api import started
from tests.engines.keeper import BRIDGE, GATEWAY, SUBNET
from tests.engines.keeping import Kept, Process
from tests.engines.kinds.podman import environment
from tests.engines.registry import EngineKind, RunningEngine

PROGRAMS = {"debootstrap": "debootstrap"}

_SETTINGS = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
enable_port_reservation = false
init_path = "/usr/bin/tini-static"
helper_binaries_dir = ["{folder}/helpers", "/usr/libexec/podman", "/usr/lib/podman"]

[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]

[network]
network_backend = "netavark"
firewall_driver = "none"
network_config_dir = "{folder}/networks"
"""


def network(folder: Path) -> Path:
    """The network that every container is on, with the keeper's bridge; its file, for the keeper to fill in."""
    networks = folder / "networks"
    networks.mkdir()
    described = {
        "name": "podman",
        # The ID that Podman gives its default network on every machine.
        "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
        "driver": "bridge",
        "network_interface": BRIDGE,
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{"subnet": SUBNET, "gateway": GATEWAY}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        # The bridge is there and stays as it is.
        "options": {"mode": "unmanaged"},
        "ipam_options": {"driver": "host-local"},
    }
    written = networks / "podman.json"
    written.write_text(json.dumps(described))
    return written


def ports(folder: Path) -> None:
    """A ``netavark`` before Podman's own, which publishes ports without a firewall rule."""
    helpers = folder / "helpers"
    helpers.mkdir()
    for module in (netavark_ports, cni_ports):
        shutil.copy(str(module.__file__), helpers)
    script = helpers / "netavark"
    script.write_text(f'#!/bin/sh\nexec python3 {helpers}/netavark_ports.py "$@"\n')
    script.chmod(0o755)


class NewerPodman(EngineKind):
    name = "podman-5.4"
    runtime = "podman"
    programs = PROGRAMS
    order = 22

    def why_not_yet(self) -> str:
        return TRIXIE.why_not()

    def prepare(self) -> None:
        TRIXIE.make()

    def run(self, folder: Path) -> RunningEngine:
        socket = folder / "podman.sock"
        ports(folder)
        env = environment(folder, _SETTINGS.format(folder=folder))
        places = (f"--root={folder}/storage", f"--runroot={folder}/run", f"--tmpdir={folder}/tmp")
        argv = TRIXIE.command(folder, "podman", *places, "system", "service", "--time=0", f"unix://{socket}")
        process = Process(argv, ready=("http", str(socket)), env=env)
        kept = Kept(folder, [process], ("/dev/shm",), bridge=True, templates=(network(folder),))
        return started(self, kept, socket, {"CONTAINER_HOST": f"unix://{socket}"})


KINDS: list[EngineKind] = [NewerPodman()]
