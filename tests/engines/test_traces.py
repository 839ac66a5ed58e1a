"""What an engine's user has made on this machine goes with the engine."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from tests.engines.fixtures import start
from tests.engines.registry import every_kind
from tests.engines.subjects import runtime_on

from dvm_runtimes.options import StartOptions

LIMIT = 120.0


@pytest.mark.parametrize("kind", ["docker", "podman", "containerd"])
def test_a_network_leaves_no_link_and_no_rule(kind: str) -> None:
    before = firewall()
    engine = start(every_kind()[kind])
    try:
        network = f"traces-{secrets.token_hex(4)}"
        with runtime_on(engine.kind.runtime, engine.machine()) as runtime:
            runtime.create_network(network, timeout=LIMIT)
            options = StartOptions(image_name=engine.image, workspace_name="traces", network_mode=network)
            workspace = runtime.start_workspace(options, timeout=LIMIT)
            peer = runtime.exec_in_workspace(workspace, ["cat", "/sys/class/net/eth0/iflink"], timeout=LIMIT)
        bridge = bridge_of(int(peer.stdout))
        index = socket.if_nametoindex(bridge)
        assert not [line for line in firewall() if network in line or (bridge in line and line not in before)]
    finally:
        engine.end()
    # The name may be another's by now; the number is given once.
    assert index not in dict(socket.if_nameindex())


def bridge_of(link: int) -> str:
    """The name of the bridge that the link with that number is on."""
    return Path("/sys/class/net", socket.if_indextoname(link), "master").readlink().name


def firewall() -> list[str]:
    """Every rule of this machine's firewall; where there is no program for them, no engine can write one."""
    program = shutil.which("iptables-save", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        return []
    return subprocess.run([program], capture_output=True, text=True, timeout=LIMIT, check=True).stdout.splitlines()
