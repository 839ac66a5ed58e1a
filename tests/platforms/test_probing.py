"""Many probes at the same time, within one limit."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dvm_runtimes.discovery.factory import first_usable
from dvm_runtimes.discovery.probing import PATIENT as PATIENT_LIMIT
from dvm_runtimes.discovery.probing import QUICK, SILENT, first_alive, probe_all
from dvm_runtimes.discovery.provider import Machine, Probe
from dvm_runtimes.engines.docker_api import Endpoint
from dvm_runtimes.infos import Platform
from dvm_runtimes.platforms.docker.provider import DockerProvider
from dvm_runtimes.runtime import ContainerRuntime

from .made_up import PATIENT, PLACES, MadeUp


def test_all_are_asked_at_the_same_time(linux: MadeUp) -> None:
    """Nobody answers before every one has been asked: one after the other would never end well."""
    together = threading.Barrier(len(PLACES))
    for place in PLACES:
        linux.live(place, before=lambda: together.wait(PATIENT))

    platforms = linux.platforms()

    assert len(platforms) == len(PLACES)
    assert all(one.reachable for one in platforms)


@pytest.mark.parametrize("silence", [MadeUp.hanging, MadeUp.full], ids=["hanging", "full backlog"])
def test_it_ends_when_every_socket_hangs(linux: MadeUp, silence: Any) -> None:
    for place in PLACES:
        silence(linux, place)

    platforms = linux.platforms(QUICK)

    assert len(platforms) == len(PLACES)
    for one in platforms:
        assert one.problem.startswith("does not answer")
        assert one.hint


def test_those_that_hang_hide_nobody(linux: MadeUp) -> None:
    for place in PLACES[:-1]:
        linux.hanging(place)
    linux.live(PLACES[-1])

    found = first_usable(linux.machine, patience=PATIENT / 4)

    assert found[1].selector == "podman:rootless"


def test_a_slow_one_that_comes_first_is_waited_for(linux: MadeUp) -> None:
    """The choice on a busy machine is that on an idle one."""
    asked_again = threading.Event()
    asks = iter([lambda: asked_again.wait(PATIENT), asked_again.set])
    linux.live("~/.orbstack/run/docker.sock", before=lambda: next(asks, lambda: None)())
    linux.live("/var/run/docker.sock")

    assert first_usable(linux.machine, patience=PATIENT)[1].selector == "orbstack"


@pytest.mark.parametrize(
    ("quick", "patient", "chosen"),
    [
        (("up", "up"), (), "a"),
        (("down", "up"), (), "b"),
        (("down", "down"), (), "a"),
        (("slow", "up"), ("up",), "a"),
        (("slow", "up"), ("slow",), "b"),
        (("slow", "slow"), ("slow", "up"), "b"),
        (("up", "slow"), (), "a"),
        (("down", "slow"), ("slow",), "a"),
    ],
)
def test_the_first_of_several_that_is_alive(quick: tuple[str, ...], patient: tuple[str, ...], chosen: str) -> None:
    answers = {"up": Probe(version="7"), "down": Probe(problem="is gone"), "slow": SILENT}
    one, other = Platform("acme", "A", "", "a"), Platform("acme", "B", "", "b")
    told = {QUICK: dict(zip("ab", quick, strict=True))}
    slow = [name for name, how in told[QUICK].items() if how == "slow"]
    told[PATIENT_LIMIT] = dict(zip(slow, patient, strict=False))
    asked: list[tuple[str, float]] = []

    class Asked(Made):
        def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
            asked.append((platform.profile, timeout))
            return answers[told[timeout][platform.profile]]

    assert first_alive(Asked(None), [one, other], Machine()).profile == chosen
    assert len(asked) == 2 + len(patient)


class Made(DockerProvider):
    """A provider whose probes a test makes up."""

    def __init__(self, probe: Any) -> None:
        self._probe = probe

    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        answer: Probe = self._probe()
        return answer

    def endpoint(self, platform: Platform, machine: Machine) -> Endpoint:
        raise AssertionError("not needed")

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        raise AssertionError("not needed")


def test_a_probe_that_ignores_its_limit_or_fails_ends_nobody_else() -> None:
    never = threading.Event()
    platform = Platform("acme", "Acme", "")

    def broken() -> Probe:
        raise OSError("a\nmess")

    probes = probe_all(
        [
            (Made(lambda: never.wait(PATIENT) or Probe()), platform),
            (Made(lambda: Probe(version="7")), platform),
            (Made(broken), platform),
        ],
        Machine(),
        1.0,
    )
    never.set()

    assert probes == [SILENT, Probe(version="7"), Probe(problem="could not be asked: a mess")]


def test_nobody_to_ask() -> None:
    assert probe_all([], Machine(), 1.0) == []
