"""`create_runtime`: the runtime that was asked for, or the first that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import UnsupportedError
from dvm_runtimes.plugins import providers_for

from .choice import choose
from .provider import Machine, PlatformProvider

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

    from .detection import Sighting

PATIENCE = 3.0
"""Seconds for engines that took the connection and were silent, when one of them would be the choice."""


def create_runtime(which: str = "auto", **overrides: Any) -> ContainerRuntime:
    """The runtime that drives the platform asked for. It has answered once.

    Args:
        which: a public name such as ``"docker"``, one of several as in ``"colima:work"``, or ``"auto"``: what
            ``DVM_RUNTIME``, ``CONTAINER_RUNTIME`` or the configuration file names, else the first that answers.
        overrides: whatever the platform's own `PlatformProvider.create` takes.

    Raises:
        InvalidOptionError: there is no such runtime, or it does not know an override.
        RuntimeUnavailableError: it does not answer; the hint says what to do on this machine.
        UnsupportedError: it does not work on this operating system.

    >>> create_runtime("mock").runtime_type
    'mock'
    """
    machine = Machine.this()
    known = providers_for(which)
    choice = choose(which, machine, known)
    if choice.automatic:
        chosen = choose_first(machine)
        check_system(chosen.provider, machine)
        return chosen.provider.create(chosen.platform, machine, **overrides)
    provider = known[choice.name]
    check_system(provider, machine)
    return provider.create(provider.select(machine, choice.profile), machine, **overrides)


def choose_first(machine: Machine, patience: float = PATIENCE) -> Sighting:
    """The first platform that answers, in the order of ``auto``.

    One that comes before it and was silent is asked again, patiently: on a
    busy machine the choice must be the same as on an idle one.

    Raises:
        RuntimeUnavailableError: none answers.
    """
    # Needed only where nobody says which it shall be.
    from .detection import ask_all, first_reachable, look_for_usable, nothing_answers

    sightings = look_for_usable(machine)
    chosen = first_reachable(sightings)
    rank = None if chosen is None else chosen.platform.rank
    slow = [
        one for one in sightings if one.eligible and one.probe.silent and (rank is None or one.platform.rank < rank)
    ]
    again = ask_all([(one.provider, one.platform) for one in slow], machine, patience)
    found = first_reachable(again) or chosen
    if found is None:
        raise nothing_answers(sightings)
    return found


def check_system(provider: PlatformProvider, machine: Machine) -> None:
    """Refuse what does not work on this operating system.

    Raises:
        UnsupportedError: in one line, with what does.
    """
    if machine.system == "windows" and not provider.windows:
        raise UnsupportedError(
            f"{provider.name} cannot be driven from Windows itself",
            hint="Run this inside WSL (`wsl --install`), where the engine has a socket.",
            platform=provider.name,
            operation="create_runtime",
        )
