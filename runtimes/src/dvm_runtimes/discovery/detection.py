"""The container platforms of this machine: which exist, which answer, and which one would be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from dvm_runtimes.errors import DvmError, InvalidOptionError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform
from dvm_runtimes.plugins import providers

from .choice import AUTO, Candidate, Choice, choose, owner_of, place_of, platform_of
from .probing import PATIENT, QUICK, SLOW, probe_all
from .provider import NEVER, Machine, PlatformProvider, Probe

NOTHING_HINT = "`dvm doctor` shows how to install one; `--runtime mock` needs none."


class Sighting(NamedTuple):
    """A platform that was found, and its answer."""

    provider: PlatformProvider
    platform: Platform
    probe: Probe

    @property
    def eligible(self) -> bool:
        """Whether ``auto`` may choose it, if it answers."""
        return self.provider.automatic and self.platform.rank < NEVER


def detect_platforms(machine: Machine | None = None, *, timeout: float = QUICK) -> list[Platform]:
    """Every platform found, in the order of ``auto``; all are asked at the same time.

    Args:
        machine: another machine than this, for tests.
        timeout: seconds for all of it; who has not answered by then is unreachable.

    >>> [platform.name for platform in detect_platforms() if platform.type == "mock"]
    ['Mock']
    """
    machine = machine or Machine.this()
    sightings = look(machine, timeout)
    used = used_one(sightings, machine)
    return [dataclasses.replace(one.platform, active=one is used and one.probe.reachable) for one in sightings]


def detect_platform(machine: Machine | None = None, *, timeout: float = QUICK) -> Platform:
    """The platform that would be used now: that of the environment, the configuration or Docker's own settings, else
    the first that answers.

    Raises:
        InvalidOptionError: the environment or the configuration names an unknown one.
        RuntimeUnavailableError: none answers, or not the one that is asked for; the hint says what to do.
    """
    machine = machine or Machine.this()
    known = providers()
    choice = choose(AUTO, machine, known)
    named = explicit_platform(machine) if choice.automatic else None
    if choice.automatic and named is None:
        sightings = look_for_usable(machine, timeout)
        chosen = first_reachable(sightings)
        if chosen is None:
            raise nothing_answers(sightings)
        return dataclasses.replace(chosen.platform, active=True)
    provider, platform = platform_of(choice, machine, known) if named is None else named.candidate
    probe = probe_all([(provider, platform)], machine, timeout)[0]
    if not probe.reachable:
        raise RuntimeUnavailableError(
            f"{platform.name} {probe.problem}",
            hint=probe.hint if named is None else named.hint(probe.hint),
            platform=platform.name,
            operation="detect_platform",
        )
    return dataclasses.replace(answered(platform, probe), active=True)


def look(machine: Machine, timeout: float = QUICK) -> list[Sighting]:
    """Find and probe every platform, in the order of ``auto``; providers that failed to look come last.

    Args:
        machine: the machine to search.
        timeout: seconds for all probes; from `PATIENT` on, slow connections are then probed again for `SLOW` seconds.
    """
    candidates, failed = find_candidates(machine)
    found = ask_all(distinct(candidates), machine, timeout)
    if timeout >= PATIENT and (slow := [one for one in found if one.probe.slow]):
        again = iter(ask_all([(one.provider, one.platform) for one in slow], machine, SLOW))
        found = [next(again) if one.probe.slow else one for one in found]
    return found + failed


def look_for_usable(machine: Machine, timeout: float = QUICK) -> list[Sighting]:
    """Find and probe the platforms that ``auto`` may choose."""
    candidates = distinct(find_candidates(machine)[0])
    usable = [one for one in candidates if one[0].automatic and one[1].rank < NEVER]
    return ask_all(usable, machine, timeout)


def ask_all(candidates: list[Candidate], machine: Machine, timeout: float = QUICK) -> list[Sighting]:
    """Probe the candidates at the same time."""
    probes = probe_all(candidates, machine, timeout)
    return [
        Sighting(provider, answered(platform, probe), probe)
        for (provider, platform), probe in zip(candidates, probes, strict=True)
    ]


def find_candidates(machine: Machine) -> tuple[list[Candidate], list[Sighting]]:
    """The platforms of every provider in the order of ``auto``, and the providers that failed; nothing is probed."""
    found: list[Candidate] = []
    failed: list[Sighting] = []
    for provider in providers().values():
        try:
            found += [(provider, platform) for platform in provider.find(machine)]
        except Exception as error:  # noqa: BLE001 - one provider's failure must not hide the others' engines
            hint = error.hint if isinstance(error, DvmError) else "Run `dvm --runtime NAME` to use another platform."
            if isinstance(error, PermissionError):
                hint = f"Allow this user to read {error.filename}, or run as root."
            probe = Probe(problem=f"could not be looked for: {' '.join(str(error).split())}", hint=hint)
            nowhere = Platform(type=provider.name, name=provider.name, endpoint="")
            failed.append(Sighting(provider, answered(nowhere, probe), probe))
    return sorted(found, key=lambda candidate: candidate[1].rank), failed


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates, each engine once, also where a link, a variable or a context leads to it.

    The provider whose socket it is wins over one that `points`; else the first stays.
    """
    kept: dict[str, Candidate] = {}
    for candidate in candidates:
        provider, platform = candidate
        place = place_of(platform)
        other = kept.get(place)
        if other is None or (other[0].points and not provider.points):
            kept[place] = candidate
    return sorted(kept.values(), key=lambda candidate: candidate[1].rank)


def answered(platform: Platform, probe: Probe) -> Platform:
    """The platform with its answer."""
    return dataclasses.replace(
        platform, reachable=probe.reachable, version=probe.version, problem=probe.problem, hint=probe.hint
    )


def first_reachable(sightings: Iterable[Sighting]) -> Sighting | None:
    """The first in the order of ``auto`` that answers."""
    return next((one for one in sightings if one.eligible and one.platform.reachable), None)


def used_one(sightings: Iterable[Sighting], machine: Machine) -> Sighting | None:
    """The platform that a call without a runtime's name would use; None if it is none of these."""
    try:
        choice = choose(AUTO, machine, providers())
    except InvalidOptionError:
        return None  # `dvm doctor` reports it, and every call that needs an engine
    try:
        wanted = named_platform(choice, machine)
    except DvmError:
        return None  # there is none of that name
    return first_reachable(sightings) if wanted is None else sighting_of(wanted, sightings)


def named_platform(choice: Choice, machine: Machine) -> Candidate | None:
    """The platform that ``choice``, or for ``auto`` the user's settings name; None if any will do.

    Raises:
        RuntimeUnavailableError: there is none of that name.
    """
    if not choice.automatic:
        return platform_of(choice, machine, providers())
    named = explicit_platform(machine)
    return None if named is None else named.candidate


def sighting_of(candidate: Candidate, sightings: Iterable[Sighting]) -> Sighting | None:
    """The sighting of the same engine."""
    place = place_of(candidate[1])
    return next((one for one in sightings if place_of(one.platform) == place), None)


class NamedPlatform(NamedTuple):
    """A platform that a setting of the user's names for every tool.

    Attributes:
        candidate: the platform, with the provider of the product whose socket it is.
        source: the setting, as in ``"DOCKER_HOST"``.
        undo: how the user takes it back.
    """

    candidate: Candidate
    source: str
    undo: str

    def hint(self, own: str) -> str:
        """The hint for an engine that does not answer: its own, and why no other engine is used.

        Args:
            own: the platform's hint.
        """
        return own if self.undo in own else f"{own} {self.source} names this engine; {self.undo} takes that back."


def explicit_platform(machine: Machine) -> NamedPlatform | None:
    """The platform that the user's settings name, which ``auto`` must use; None without such settings.

    Raises:
        RuntimeUnavailableError: they name one that does not exist.
    """
    for provider in providers().values():
        if provider.automatic and (explicit := provider.explicit(machine)) is not None:
            return NamedPlatform(owner_of(provider, explicit.platform, machine), explicit.source, explicit.undo)
    return None


def nothing_answers(sightings: Iterable[Sighting]) -> RuntimeUnavailableError:
    """The error that lists the platforms that were found, with the first hint."""
    found = [one for one in sightings if one.eligible]
    if not found:
        return RuntimeUnavailableError("no container platform was found on this machine", hint=NOTHING_HINT)
    problems = "; ".join(f"{one.platform.name} {one.probe.problem}" for one in found)
    return RuntimeUnavailableError(
        f"no container platform answers: {problems}", hint=next((one.probe.hint for one in found if one.probe.hint), "")
    )
