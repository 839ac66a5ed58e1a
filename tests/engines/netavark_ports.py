"""Stands before ``netavark`` and publishes ports through ``docker-proxy``, as `cni_ports` does before CNI's plugins.

A program of its own, copied beside its fellow into the folder of an engine: it
runs in the engine's own system, with that system's Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    import cni_ports  # type: ignore[import-not-found] # beside it in the folder of helpers
else:
    from . import cni_ports

NETAVARK = "/usr/lib/podman/netavark"


def main() -> None:
    arguments = sys.argv[1:]
    if "setup" not in arguments and "teardown" not in arguments:
        sys.exit(subprocess.run([NETAVARK, *arguments], check=False).returncode)
    request: dict[str, Any] = json.load(sys.stdin)
    record = Path(__file__).parent.parent / "ports" / request["container_id"]
    mappings = request.pop("port_mappings", None) or []
    done = subprocess.run(
        [NETAVARK, *arguments], input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if "teardown" in arguments:
        cni_ports.unpublish(record)
    elif mappings and done.returncode == 0:
        try:
            cni_ports.publish(each_port(mappings), address(json.loads(done.stdout)), record)
        except cni_ports.CannotPublishError as error:
            cni_ports.unpublish(record)
            # netavark says on its standard output what went wrong.
            print(json.dumps({"error": str(error)}))
            sys.exit(1)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


def each_port(mappings: list[dict[str, Any]]) -> list[cni_ports.Mapping]:
    """One mapping a port, as CNI has them: Podman gives netavark ranges of them."""
    return [
        {
            "hostIP": mapping["host_ip"],
            "hostPort": mapping["host_port"] + further,
            "containerPort": mapping["container_port"] + further,
            "protocol": mapping["protocol"],
        }
        for mapping in mappings
        for further in range(mapping["range"] or 1)
    ]


def address(answer: dict[str, Any]) -> str:
    """The address that a container was given, of what netavark answered."""
    (network,) = answer.values()
    (interface,) = network["interfaces"].values()
    found: str = interface["subnets"][0]["ipnet"]
    return found.partition("/")[0]


if __name__ == "__main__":
    main()
