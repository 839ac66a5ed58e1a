"""Which container platforms are on this machine, which of them answer, and which one would be used."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from typing import NamedTuple

from dvm_runtimes.errors import DvmError, InvalidOptionError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform
from dvm_runtimes.plugins import providers

from .choice import AUTO, Choice, choose
from .probing import QUICK, Candidate, probe_all
from .provider import NEVER, Machine, PlatformProvider, Probe

NOTHING_HINT = "`dvm doctor` tells how to get one; `--runtime mock` needs none."


class Sighting(NamedTuple):
    """A platform that was found, and what it answered."""

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
    return [dataclasses.replace(one.platform, active=one is used) for one in sightings]


def detect_platform(machine: Machine | None = None, *, timeout: float = QUICK) -> Platform:
    """The platform that would be used now: that of environment or configuration, else the first that answers.

    Raises:
        InvalidOptionError: the environment or the configuration names none that there is.
        RuntimeUnavailableError: none answers, or not the one asked for; the hint says what to do.
    """
    machine = machine or Machine.this()
    known = providers()
    choice = choose(AUTO, machine, known)
    if choice.automatic:
        sightings = look_for_usable(machine, timeout)
        chosen = first_reachable(sightings)
        if chosen is None:
            raise nothing_answers(sightings)
        return dataclasses.replace(chosen.platform, active=True)
    provider = known[choice.name]
    platform = provider.select(machine, choice.profile)
    probe = probe_all([(provider, platform)], machine, timeout)[0]
    if not probe.reachable:
        raise RuntimeUnavailableError(
            f"{platform.name} {probe.problem}", hint=probe.hint, platform=platform.name, operation="detect_platform"
        )
    return dataclasses.replace(answered(platform, probe), active=True)


def look(machine: Machine, timeout: float = QUICK) -> list[Sighting]:
    """Find everything and ask it; in the order of ``auto``, those that could not even be looked for at the end."""
    candidates, failed = find_candidates(machine)
    return ask_all(distinct(candidates), machine, timeout) + failed


def look_for_usable(machine: Machine, timeout: float = QUICK) -> list[Sighting]:
    """The same for what ``auto`` may choose; the rest is not asked."""
    candidates = distinct(find_candidates(machine)[0])
    usable = [one for one in candidates if one[0].automatic and one[1].rank < NEVER]
    return ask_all(usable, machine, timeout)


def ask_all(candidates: list[Candidate], machine: Machine, timeout: float = QUICK) -> list[Sighting]:
    """Ask these, all at the same time."""
    probes = probe_all(candidates, machine, timeout)
    return [
        Sighting(provider, answered(platform, probe), probe)
        for (provider, platform), probe in zip(candidates, probes, strict=True)
    ]


def find_candidates(machine: Machine) -> tuple[list[Candidate], list[Sighting]]:
    """What every provider finds, in the order of ``auto``, and those that failed to look; nothing is asked."""
    found: list[Candidate] = []
    failed: list[Sighting] = []
    for provider in providers().values():
        try:
            found += [(provider, platform) for platform in provider.find(machine)]
        except Exception as error:  # noqa: BLE001 - one provider's trouble must not hide the others' engines
            hint = error.hint if isinstance(error, DvmError) else ""
            probe = Probe(problem=f"could not be looked for: {' '.join(str(error).split())}", hint=hint)
            nowhere = Platform(type=provider.name, name=provider.name, endpoint="")
            failed.append(Sighting(provider, answered(nowhere, probe), probe))
    return sorted(found, key=lambda candidate: candidate[1].rank), failed


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates without those that are another one by another path, through a link or a variable.

    A provider that only points at sockets gives way to the one whose socket
    it is; else the first stays.
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
    """The platform with what it answered."""
    return dataclasses.replace(
        platform, reachable=probe.reachable, version=probe.version, problem=probe.problem, hint=probe.hint
    )


def first_reachable(sightings: Iterable[Sighting]) -> Sighting | None:
    """The one that ``auto`` chooses."""
    return next((one for one in sightings if one.eligible and one.platform.reachable), None)


def used_one(sightings: Iterable[Sighting], machine: Machine) -> Sighting | None:
    """The one that a call would use that asks for none; None where that is none of these."""
    try:
        choice = choose(AUTO, machine, providers())
    except InvalidOptionError:
        return None  # told by `dvm doctor`, and by every call that needs an engine
    return first_reachable(sightings) if choice.automatic else _asked_for(choice, sightings, machine)


def _asked_for(choice: Choice, sightings: Iterable[Sighting], machine: Machine) -> Sighting | None:
    own = [one for one in sightings if one.provider.name == choice.name]
    try:
        wanted = place_of(providers()[choice.name].select(machine, choice.profile))
    except DvmError:
        return None  # there is none of that name
    return next((one for one in own if place_of(one.platform) == wanted), None)


def nothing_answers(sightings: Iterable[Sighting]) -> RuntimeUnavailableError:
    """The error that tells what was found, and the first thing that would help."""
    found = [one for one in sightings if one.eligible]
    if not found:
        return RuntimeUnavailableError("no container platform was found on this machine", hint=NOTHING_HINT)
    told = "; ".join(f"{one.platform.name} {one.probe.problem}" for one in found)
    return RuntimeUnavailableError(
        f"no container platform answers: {told}", hint=next((one.probe.hint for one in found if one.probe.hint), "")
    )


def place_of(platform: Platform) -> str:
    """What two entries have in common that are one engine."""
    scheme, _, path = platform.endpoint.partition("://")
    if scheme == "unix":
        return os.path.realpath(path)
    return platform.endpoint or f"{platform.type}:{platform.profile}"
