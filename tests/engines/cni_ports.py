"""A CNI plugin that publishes ports through ``docker-proxy``, without one change to this machine's firewall.

CNI's own plugin for ports writes firewall rules. This one is a program that the
container network calls with its request on stdin, as the CNI specification
says; engines have it in a folder of plugins of their own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

Mapping = dict[str, Any]
"""A port to publish: hostIP, hostPort, containerPort and protocol, as CNI has them."""

STATUS = 3
"""The descriptor at which ``docker-proxy`` says "0" once it listens, or "1" and the reason."""


class CannotPublishError(Exception):
    """Why a port was not published, in the proxy's own words."""


def main() -> None:
    request: dict[str, Any] = json.load(sys.stdin)
    command = os.environ["CNI_COMMAND"]
    if command == "VERSION":
        print(json.dumps({"cniVersion": "0.4.0", "supportedVersions": ["0.3.1", "0.4.0"]}))
        return
    record = Path(sys.argv[1], os.environ["CNI_CONTAINERID"])
    if command == "DEL":
        unpublish(record)
    elif command == "ADD":
        try:
            address = request["prevResult"]["ips"][0]["address"].partition("/")[0]
            mappings = request.get("runtimeConfig", {}).get("portMappings", [])
            held = held_by_nerdctl(os.environ["CNI_CONTAINERID"])
            if held is None:
                publish(mappings, address, record)
            else:
                publish_when_released(mappings, address, record, held)
        except CannotPublishError as error:
            unpublish(record)
            print(json.dumps({"cniVersion": request["cniVersion"], "code": 100, "msg": str(error)}))
            sys.exit(1)
        print(json.dumps(request["prevResult"]))


def held_by_nerdctl(container: str) -> Path | None:
    """The file that names the process with which nerdctl 2 holds a container's ports; None where it holds none."""
    # nerdctl puts the namespace before the ID.
    return next(Path("/run/nerdctl").glob(f"*/{container.rpartition('-')[2]}/port-reserver.pid"), None)


def publish_when_released(mappings: list[Mapping], address: str, record: Path, held: Path) -> None:
    """Publish in a process of its own: until nerdctl's hook, which waits for us, has ended, it holds the ports too."""
    hook = os.pidfd_open(os.getppid())
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    select.select([hook], [], [], 60)
    with suppress(ProcessLookupError):
        holder = os.pidfd_open(int(held.read_text()))
        signal.pidfd_send_signal(holder, signal.SIGKILL)
        # Readable once it has ended; by then its sockets are closed.
        select.select([holder], [], [], 10)
    with suppress(CannotPublishError, OSError):  # whoever connects finds out
        publish(mappings, address, record)
        # What nerdctl ends when the container does.
        held.write_text(record.read_text().split()[0])
    os._exit(0)


def publish(mappings: list[Mapping], address: str, record: Path) -> None:
    """Start one proxy for each port to a container at that address, each listening before the next is started."""
    record.parent.mkdir(parents=True, exist_ok=True)
    for argv in proxies(mappings, address):
        read, write = os.pipe()
        proxy = subprocess.Popen(
            # A plain sh knows no descriptor of two digits.
            ["bash", "-c", f'exec "$@" {STATUS}>&{write}', "bash", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[write],
            start_new_session=True,
        )
        os.close(write)
        with record.open("a") as pids:
            print(proxy.pid, file=pids)
        with os.fdopen(read) as answer:
            word = answer.readline().strip()
            if word != "0":
                raise CannotPublishError(answer.read().strip() or "docker-proxy ended")


def proxies(mappings: list[Mapping], address: str) -> Iterator[list[str]]:
    """The command of each proxy to a container at that address."""
    for given in mappings:
        # nerdctl writes them as HostPort and so on: the reader of CNI's own plugin takes no notice of the case.
        mapping = {key[:1].lower() + key[1:]: value for key, value in given.items()}
        yield [
            "docker-proxy",
            *("-proto", mapping.get("protocol") or "tcp"),
            *("-host-ip", mapping.get("hostIP") or "0.0.0.0"),
            *("-host-port", str(mapping["hostPort"])),
            *("-container-ip", address),
            *("-container-port", str(mapping["containerPort"])),
        ]


def unpublish(record: Path) -> None:
    """End the proxies of a container; those that have ended already are passed over."""
    if not record.exists():
        return
    for pid in map(int, record.read_text().split()):
        with suppress(OSError):
            # The number may be another process's by now.
            if b"docker-proxy" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
    record.unlink()


if __name__ == "__main__":
    main()
