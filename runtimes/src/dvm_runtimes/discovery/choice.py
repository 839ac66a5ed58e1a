"""Which runtime is asked for, and by whom: argument, environment, configuration, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.user.config import load_config

from .provider import Machine, PlatformProvider

AUTO = "auto"
VARIABLES = ("DVM_RUNTIME", "DVM_PLATFORM", "CONTAINER_RUNTIME")
"""The first that is set counts; ``DVM_PLATFORM`` is the older name of ``DVM_RUNTIME``."""


class Choice(NamedTuple):
    """What is asked for.

    Attributes:
        name: a runtime's public name, or ``"auto"``.
        profile: which of several, as in the ``work`` of ``colima:work``; else empty.
        source: who says so: ``"runtime"`` for the argument, a variable's name, the configuration file, or empty.
    """

    name: str
    profile: str = ""
    source: str = ""

    @property
    def automatic(self) -> bool:
        """Whether the first that answers will do."""
        return self.name == AUTO

    def __str__(self) -> str:
        return f"{self.name}:{self.profile}" if self.profile else self.name


def choose(which: str, machine: Machine, providers: Mapping[str, PlatformProvider]) -> Choice:
    """The runtime that is asked for.

    Args:
        which: the argument or option; ``"auto"`` leaves it to the environment, then to the configuration.
        machine: whose environment and configuration count.
        providers: those there are, by their public names.

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


def _asked(which: str, machine: Machine) -> tuple[str, str]:
    if which.strip().lower() not in ("", AUTO):
        return which.strip(), "runtime"
    for variable in VARIABLES:
        if value := machine.env.get(variable, "").strip():
            return value, variable
    config = load_config(machine)
    return config.runtime, "" if config.runtime == AUTO else str(config.file)
