"""The interface of a platform: find its engines, probe them, create runtimes for them.

A platform is one module of `dvm_runtimes.platforms`, or of another package that registers it through the pluggy hook
of `dvm_runtimes.plugins`. Shared code knows platforms only through this interface.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.errors import RuntimeUnavailableError
from dvm_runtimes.infos import Platform

from .machine import Machine as Machine  # part of this interface

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime


NEVER = 1000
"""The rank of an engine that ``auto`` does not choose."""


class Probe(NamedTuple):
    """A platform's answer.

    Attributes:
        version: the engine's version; empty without an answer.
        problem: why there was no answer, as the end of a sentence that begins with the platform's name.
        hint: what to do about the problem.
        silent: it accepted the connection and did not answer in time: it may hang, or be slow.
        slow: it is silent, and is reached through ssh or programs that need seconds on a busy machine.
    """

    version: str = ""
    problem: str = ""
    hint: str = ""
    silent: bool = False
    slow: bool = False

    @property
    def reachable(self) -> bool:
        """Whether it answered."""
        return not self.problem


class Explicit(NamedTuple):
    """An engine that the user's own settings name.

    Attributes:
        platform: the engine.
        source: the setting, as in ``"DOCKER_HOST"``.
        undo: how the user takes it back, as in ``"`unset DOCKER_HOST`"``.
    """

    platform: Platform
    source: str
    undo: str


class PlatformProvider(ABC):
    """One public runtime name, and the engines on a machine that belong to it."""

    name: str
    """The public name, as in ``"docker"``; the value of ``--runtime``."""

    aliases: tuple[str, ...] = ()
    """Other accepted names; never shown."""

    automatic: bool = True
    """Whether ``auto`` may choose it."""

    points: bool = False
    """Whether its platforms may be another provider's sockets, as with ``DOCKER_HOST``; then the other's wins."""

    asks: bool = False
    """Whether the first question to its engines is expensive, so that `create` takes ``ask=False`` to leave it out."""

    windows: bool = False
    """Whether it works on Windows itself, outside WSL."""

    @abstractmethod
    def find(self, machine: Machine) -> list[Platform]:
        """The engines that files and variables tell of; none is started or asked.

        Each has type, name, endpoint, profile, rank and selector. ``auto`` chooses by rank, the lowest first: the
        built-in platforms have 10 to 60 (docs/platforms.md has the order), and `NEVER` is for an engine that must be
        asked for, such as one on another machine.
        """

    @abstractmethod
    def select(self, machine: Machine, profile: str) -> Platform:
        """The platform that ``NAME:PROFILE`` asks for, whether it seems to exist or not.

        An empty profile asks for the default one.

        Raises:
            RuntimeUnavailableError: there is none of that name, or a setting of the user's names one that does not
                exist; the hint lists the existing ones.
        """

    def at(self, machine: Machine, endpoint: str) -> Platform:
        """The platform that listens at ``endpoint``, as `ContainerRuntime.selector` asks for it.

        Raises:
            RuntimeUnavailableError: there is none.
        """
        for platform in self.find(machine):
            if platform.endpoint == endpoint:
                return platform
        raise RuntimeUnavailableError(
            f"{self.name} has no engine at {endpoint}",
            hint="`dvm platforms` lists the engines of this machine.",
            platform=self.name,
            operation="create_runtime",
        )

    def explicit(self, machine: Machine) -> Explicit | None:
        """The engine that the user's settings name, which ``auto`` must use; None without such a setting.

        Raises:
            RuntimeUnavailableError: the setting names an engine that does not exist.
        """
        return None

    def shared(self, platform: Platform, machine: Machine) -> bool:
        """Whether ``platform`` may be another provider's socket; see `points`."""
        return self.points

    @abstractmethod
    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        """Ask it for its version, within ``timeout`` seconds. Never raises."""

    @abstractmethod
    def install_hint(self, machine: Machine) -> str:
        """How to install it on this machine, in one line; empty if it cannot be."""

    @abstractmethod
    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        """A runtime for the platform, once the engine has answered.

        Args:
            platform, machine: from `find`, `select` or `at`.
            overrides: ``timeout``, seconds for the first answer, if the caller gives one; the platform's own ones.

        Raises:
            RuntimeUnavailableError: it does not answer; the hint says how to start it here.
            InvalidOptionError: an override that this runtime does not know.
        """
