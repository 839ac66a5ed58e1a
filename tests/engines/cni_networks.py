"""Stands before CNI's own plugins, so that a network that an engine's user makes changes nothing of this machine.

A program of its own, with nothing but the standard library, in an engine's folder of plugins:

    python cni_networks.py PLUGIN LINKS

PLUGIN is the path of the real one. A ``bridge`` is no gateway to the outside, for
which the plugin would write firewall rules and have the kernel forward packets;
it has its gateway's address all the same. A ``firewall`` does nothing. LINKS is
a folder that has a file for each such bridge with the number that the kernel
gave it, for the keeper to remove what is left of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    plugin, links = map(Path, sys.argv[1:3])
    command = os.environ.get("CNI_COMMAND")
    if command == "ADD" and plugin.name == "bridge":
        sys.exit(add_bridge(plugin, links))
    if command in ("ADD", "DEL", "CHECK") and plugin.name == "firewall":
        if command == "ADD":
            print(json.dumps(json.load(sys.stdin)["prevResult"]))
        return
    if command == "DEL" and plugin.name == "bridge":
        sys.exit(
            subprocess.run([plugin], input=json.dumps(plain(json.load(sys.stdin))), text=True, check=False).returncode
        )
    # Asked for its version, which nerdctl reads.
    os.execv(plugin, [str(plugin)])


def add_bridge(plugin: Path, links: Path) -> int:
    """Have the real plugin make the bridge, if it is not there, and join the container to it; its exit code."""
    request: dict[str, Any] = json.load(sys.stdin)
    name, own = request["bridge"], bool(request.get("isGateway"))
    if own:
        links.mkdir(exist_ok=True)
        (links / name).touch()
    done = subprocess.run([plugin], input=json.dumps(plain(request)), stdout=subprocess.PIPE, text=True, check=False)
    if own and done.returncode == 0:
        (links / name).write_text(Path("/sys/class/net", name, "ifindex").read_text())
        for address in gateways(json.loads(done.stdout)):
            subprocess.run(["ip", "address", "replace", address, "dev", name], check=True)
    sys.stdout.write(done.stdout)
    return done.returncode


def plain(request: dict[str, Any]) -> dict[str, Any]:
    """The request for a bridge that leads nowhere else."""
    return {**request, "isGateway": False, "isDefaultGateway": False, "ipMasq": False}


def gateways(result: dict[str, Any]) -> list[str]:
    """The addresses, with their networks' lengths, that a plugin's result gives the containers' gateway.

    >>> gateways({"ips": [{"address": "10.4.1.2/24", "gateway": "10.4.1.1"}]})
    ['10.4.1.1/24']
    """
    return [
        f"{one['gateway']}/{one['address'].rpartition('/')[2]}" for one in result.get("ips", []) if one.get("gateway")
    ]


if __name__ == "__main__":
    main()
