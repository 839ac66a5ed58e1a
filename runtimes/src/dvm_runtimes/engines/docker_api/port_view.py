"""The addresses at which this process reaches the published ports of an engine's containers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dvm_runtimes.infos import HostPort

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 -- compared, not bound
_CONTAINER = re.compile(r"containers/([0-9a-f]{64})/")
_MARKS = ("/.dockerenv", "/run/.containerenv")


class PortView:
    """Where this process is, seen from the engine.

    Args:
        host: the engine's host, if it is another machine.
        gateway: the address of the engine's host, if this process runs in one of the engine's containers.
        networks: the networks of that container, by their IDs.
    """

    def __init__(self, host: str = "", gateway: str = "", networks: frozenset[str] = frozenset()) -> None:
        self._host = host or gateway
        self._networks = networks

    @classmethod
    def of_container(cls, data: Mapping[str, Any]) -> PortView:
        """The view of a process in the container that ``GET /containers/ID/json`` describes."""
        if str((data.get("HostConfig") or {}).get("NetworkMode", "")) == "host":
            return cls()
        joined = list(_networks(data))
        gateway = next((str(one["Gateway"]) for one in joined if one.get("Gateway")), "")
        return cls(gateway=gateway, networks=frozenset(str(one.get("NetworkID", "")) for one in joined) - {""})

    def seen(self, address: str, port: int) -> HostPort | None:
        """The address to connect to for a port of the engine's host; None if there is none.

        >>> PortView().seen("0.0.0.0", 8080)
        HostPort(host='127.0.0.1', port=8080)
        """
        if not self._host:
            return HostPort("127.0.0.1" if address in _EVERYWHERE else address, port)
        if address in _EVERYWHERE:
            return HostPort(self._host, port)
        return None if address in ("localhost", "::1") or address.startswith("127.") else HostPort(address, port)

    def shared_address(self, data: Mapping[str, Any]) -> str:
        """The container's own address on a network that this process is on as well; empty if there is none."""
        shared = (one for one in _networks(data) if one.get("NetworkID") in self._networks)
        return next((str(one["IPAddress"]) for one in shared if one.get("IPAddress")), "")


def own_container() -> str:
    """The ID of the container that this process runs in; empty if it runs in none, or the ID is not known."""
    if not any(Path(mark).exists() for mark in _MARKS):
        return ""
    try:
        # Engines mount /etc/hosts and others from the container's folder on their host.
        match = _CONTAINER.search(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return match[1] if match else ""


def _networks(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    networks = (data.get("NetworkSettings") or {}).get("Networks") or {}
    return (one for one in networks.values() if isinstance(one, Mapping))
