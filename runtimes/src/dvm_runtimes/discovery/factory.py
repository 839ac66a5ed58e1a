"""`create_runtime`: a runtime by name, or for the first platform that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import RuntimeUnavailableError, UnsupportedError
from dvm_runtimes.infos import Platform
from dvm_runtimes.plugins import providers_for

from .choice import Candidate, choose, platform_of
from .probing import SLOW
from .provider import Machine, PlatformProvider

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

PATIENCE = 3.0
"""Seconds for engines that accepted the connection and were silent, if one of them would be the choice."""


def create_runtime(
    which: str = "auto", *, timeout: float | None = None, ask: bool = True, **overrides: Any
) -> ContainerRuntime:
    """A runtime for the platform that is asked for; its engine has answered once.

    Args:
        which: a public name such as ``"docker"``, one of several as in ``"colima:work"``, an engine by its address as
            in ``"docker:unix:///srv/docker.sock"`` (`ContainerRuntime.selector` has this form), or ``"auto"``: the
            one that ``DVM_RUNTIME``, ``CONTAINER_RUNTIME``, the configuration file or Docker's own settings
            (``DOCKER_HOST``, ``DOCKER_CONTEXT``, the current context) name, else the first that answers.
        timeout: seconds for the engine's first answer; None for the platform's own limit, 15 to 60 s.
        ask: False leaves it to the first call to find out whether the engine answers, where asking takes seconds: for
            programs that make this call at once.
        overrides: keyword arguments of the platform's own ``create``.

    Raises:
        InvalidOptionError: there is no such runtime, or it does not know an override.
        RuntimeUnavailableError: it does not answer; the hint says what to do on this machine.
        UnsupportedError: it does not work on this operating system.

    >>> create_runtime("mock").runtime_type
    'mock'
    """
    if timeout is not None:
        overrides["timeout"] = timeout
    if not ask:
        overrides["ask"] = False
    machine = Machine.this()
    known = providers_for(which)
    choice = choose(which, machine, known)
    if choice.automatic:
        return _create_automatic(machine, overrides)
    return _create(*platform_of(choice, machine, known), machine, overrides)


def _create(
    provider: PlatformProvider, platform: Platform, machine: Machine, overrides: dict[str, Any]
) -> ContainerRuntime:
    check_system(provider, machine)
    if not provider.asks:
        overrides.pop("ask", None)
    return provider.create(platform, machine, **overrides)


def _create_automatic(machine: Machine, overrides: dict[str, Any]) -> ContainerRuntime:
    # Imported only for `auto`.
    from .detection import explicit_platform

    named = explicit_platform(machine)
    if named is None:
        return _create(*first_usable(machine), machine, overrides)
    try:
        return _create(*named.candidate, machine, overrides)
    except RuntimeUnavailableError as error:
        error.hint = named.hint(error.hint)
        raise


def first_usable(machine: Machine, patience: float = PATIENCE) -> Candidate:
    """The first platform in the order of ``auto`` that answers.

    A silent one that comes before it is probed again with more time: a busy machine must choose like an idle one.

    Raises:
        RuntimeUnavailableError: none answers.
    """
    from .detection import ask_all, first_reachable, look_for_usable, nothing_answers

    sightings = look_for_usable(machine)
    chosen = first_reachable(sightings)
    rank = None if chosen is None else chosen.platform.rank
    slow = [
        one for one in sightings if one.eligible and one.probe.silent and (rank is None or one.platform.rank < rank)
    ]
    again = ask_all([(one.provider, one.platform) for one in slow], machine, patience)
    found = first_reachable(again) or chosen
    if found is None and (slow := [one for one in again if one.probe.slow]):
        found = first_reachable(ask_all([(one.provider, one.platform) for one in slow], machine, SLOW))
    if found is None:
        raise nothing_answers(sightings)
    return found.provider, found.platform


def check_system(provider: PlatformProvider, machine: Machine) -> None:
    """Refuse a platform that does not work on this operating system.

    Raises:
        UnsupportedError: the hint names what works.
    """
    if machine.system == "windows" and not provider.windows:
        raise UnsupportedError(
            f"{provider.name} cannot be driven from Windows itself",
            hint="Run this inside WSL (`wsl --install`), where the engine has a socket.",
            platform=provider.name,
            operation="create_runtime",
        )
