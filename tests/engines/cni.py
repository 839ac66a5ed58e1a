"""The default network of engines that have theirs from CNI's plugins, on a bridge of the tests'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .bridges import Bridge

PLUGINS = Path("/usr/lib/cni")
PACKAGE = "containernetworking-plugins"


def write_network(file: Path, bridge: Bridge, name: str, **more: Any) -> None:
    """Write the network ``name`` as Podman and nerdctl do, but for what takes thirty calls of ``iptables`` a container.

    There is no way out to mask addresses for, and nothing to keep out.
    """
    addresses = {"type": "host-local", "ranges": [[{"subnet": bridge.subnet}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [
        {
            "type": "bridge",
            "bridge": bridge.name,
            "isGateway": True,
            "hairpinMode": True,
            "ipam": addresses,
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    file.parent.mkdir()
    file.write_text(json.dumps({"cniVersion": "0.4.0", "name": name, **more, "plugins": plugins}))
