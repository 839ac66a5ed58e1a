"""The runtime that is asked for by argument, environment or configuration, and its platform."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.infos import Platform
from dvm_runtimes.user.config import load_config

from .provider import Machine, PlatformProvider

Candidate = tuple[PlatformProvider, Platform]

AUTO = "auto"
VARIABLES = ("DVM_RUNTIME", "DVM_PLATFORM", "CONTAINER_RUNTIME")
"""The first that is set counts; ``DVM_PLATFORM`` is the older name of ``DVM_RUNTIME``."""


class Choice(NamedTuple):
    """The runtime that is asked for.

    Attributes:
        name: a runtime's public name, or ``"auto"``.
        profile: one of several, as the ``work`` of ``colima:work``, or an endpoint, as in
            ``docker:unix:///srv/docker.sock``; else empty.
        source: where the name is from: ``"runtime"`` for the argument, a variable, the configuration file, or empty.
    """

    name: str
    profile: str = ""
    source: str = ""

    @property
    def automatic(self) -> bool:
        """Whether any platform will do."""
        return self.name == AUTO

    def __str__(self) -> str:
        return f"{self.name}:{self.profile}" if self.profile else self.name


def choose(which: str, machine: Machine, providers: Mapping[str, PlatformProvider]) -> Choice:
    """The runtime that is asked for.

    Args:
        which: the argument or option; ``"auto"`` leaves it to the environment, then to the configuration.
        machine: its environment and configuration count.
        providers: by their public names.

    Raises:
        InvalidOptionError: there is no runtime of that name; the configuration cannot be read.
    """
    text, source = _asked(which, machine)
    name, colon, profile = text.partition(":")
    name = name.strip().lower()
    if name == AUTO:
        return Choice(AUTO, source=source)
    for provider in providers.values():
        if name == provider.name or name in provider.aliases:
            if colon and not profile.strip():
                raise InvalidOptionError(source, text, f"a profile is missing after the colon of {name!r}")
            return Choice(provider.name, profile.strip(), source)
    import difflib

    close = difflib.get_close_matches(name, providers, 1)
    maybe = f"Did you mean {close[0]!r}? " if close else ""
    hint = f"{maybe}There are: {', '.join([AUTO, *providers])}."
    raise InvalidOptionError(source, text, "there is no such runtime", hint=hint)


def platform_of(choice: Choice, machine: Machine, providers: Mapping[str, PlatformProvider]) -> Candidate:
    """The platform that ``choice`` names, and its provider: that of the product whose socket it is.

    Raises:
        RuntimeUnavailableError: there is none; the hint says what to do.
    """
    provider = providers[choice.name]
    if "://" in choice.profile:
        return provider, provider.at(machine, choice.profile)
    platform = provider.select(machine, choice.profile)
    return owner_of(provider, platform, machine) if provider.shared(platform, machine) else (provider, platform)


def owner_of(provider: PlatformProvider, platform: Platform, machine: Machine) -> Candidate:
    """The product whose socket ``platform`` is, reached through a link, a variable or a context; else ``platform``.

    The product is one that comes with DVM: `dvm ls` shall not wait until every installed package has been looked at.
    """
    from dvm_runtimes.plugins import built_in

    place = place_of(platform)
    for other in built_in():
        if not other.points:
            for own in other.find(machine):
                if place_of(own) == place:
                    return other, own
    return provider, platform


def place_of(platform: Platform) -> str:
    """A value that is equal for two descriptions of one engine."""
    scheme, _, path = platform.endpoint.partition("://")
    if scheme == "unix":
        return os.path.realpath(path)
    return platform.endpoint or f"{platform.type}:{platform.profile}"


def _asked(which: str, machine: Machine) -> tuple[str, str]:
    if which.strip().lower() not in ("", AUTO):
        return which.strip(), "runtime"
    for variable in VARIABLES:
        if value := machine.env.get(variable, "").strip():
            return value, variable
    config = load_config(machine)
    return config.runtime, "" if config.runtime == AUTO else str(config.file)
