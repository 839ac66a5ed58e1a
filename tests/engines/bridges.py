"""A network bridge for each engine, in the network that the engines of a test run share."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Bridge:
    """A bridge that is there and up.

    Attributes:
        number: no two bridges have the same at the same time.
    """

    number: int

    @property
    def name(self) -> str:
        return f"dvmt{self.number}"

    @property
    def subnet(self) -> str:
        """The addresses on it."""
        return f"10.213.{self.number}.0/24"

    @property
    def gateway(self) -> str:
        """Its own address."""
        return f"10.213.{self.number}.1"

    @property
    def pool(self) -> str:
        """The addresses of the networks that its engine makes besides."""
        return f"10.214.{self.number}.0/24"


def make_bridge() -> Bridge:
    """Make one; the keeper of the engine removes it."""
    for number in range(256):
        bridge = Bridge(number)
        # The kernel gives a name away once.
        if _ip("link", "add", bridge.name, "type", "bridge").returncode == 0:
            _ip("addr", "add", f"{bridge.gateway}/24", "dev", bridge.name).check_returncode()
            _ip("link", "set", bridge.name, "up").check_returncode()
            return bridge
    raise OSError(f"no bridge can be made: {_ip('link', 'add', 'dvmt', 'type', 'bridge').stderr.strip()}")


def _ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
