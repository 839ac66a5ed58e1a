"""How a platform makes itself known: found without being told, probed, driven.

A platform is one file in `dvm_runtimes.platforms` (or in somebody else's
package, registered through the pluggy hook of `dvm_runtimes.plugins`) that
holds a `PlatformProvider`. Shared code knows nothing else of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.infos import Platform

from .machine import Machine as Machine  # part of this interface

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime


NEVER = 1000
"""The rank of what ``auto`` does not choose."""


class Probe(NamedTuple):
    """What a platform answered.

    Attributes:
        version: what it said of itself; empty when it did not answer.
        problem: why it did not answer, in a few words; empty when it did.
        hint: what would make it answer; empty when it did.
        silent: it took the connection and said nothing in time: it may hang, or just be slow.
    """

    version: str = ""
    problem: str = ""
    hint: str = ""
    silent: bool = False

    @property
    def reachable(self) -> bool:
        """Whether it answered."""
        return not self.problem


class PlatformProvider(ABC):
    """One public runtime name, and every product on a machine that goes by it."""

    name: str
    """The public name, as in ``"docker"``; what users give as ``--runtime``."""

    aliases: tuple[str, ...] = ()
    """Other words that users know it by; never shown."""

    automatic: bool = True
    """Whether ``auto`` may choose it."""

    points: bool = False
    """Whether its entries may lead to another product's socket, as ``DOCKER_HOST`` does; the other's own entry wins."""

    windows: bool = False
    """Whether it works on Windows itself, outside WSL."""

    @abstractmethod
    def find(self, machine: Machine) -> list[Platform]:
        """What seems to be there, from files and variables alone; nothing is started or asked.

        Each has type, name, endpoint, profile, rank and selector. The order
        of ``auto`` is by rank: OrbStack 10, Colima 20, Docker Desktop 30,
        Docker 40, Podman 50, containerd 60, k3s 70; `NEVER` for one that
        must be asked for, such as an engine on another machine.
        """

    @abstractmethod
    def select(self, machine: Machine, profile: str) -> Platform:
        """The platform that ``NAME:PROFILE`` asks for, whether it seems to be there or not.

        An empty profile asks for the default one.

        Raises:
            RuntimeUnavailableError: there is none of that name; the hint lists those there are.
        """

    @abstractmethod
    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        """Ask it for its version, within ``timeout`` seconds. Never raises."""

    @abstractmethod
    def install_hint(self, machine: Machine) -> str:
        """How one gets it on this machine, in one line."""

    @abstractmethod
    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        """The runtime that drives it. Asks it once, so that a runtime that exists is one that answered.

        Raises:
            RuntimeUnavailableError: it does not answer; the hint says how to start it here.
            InvalidOptionError: an override that this runtime does not know.
        """
