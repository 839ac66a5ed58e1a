"""Probes of many platforms at the same time, within a time limit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence

from dvm_runtimes.infos import Platform

from .choice import Candidate
from .provider import Machine, PlatformProvider, Probe

QUICK = 0.15
"""Seconds for all probes together; a local engine answers in a few milliseconds."""

PATIENT = 2.0
"""Seconds for all probes together where every engine counts, also a busy one and one on another machine."""

SLOW = 20.0
"""Seconds for another probe of engines that are reached through ssh or programs, where every engine counts."""

SILENT = Probe(
    problem="does not answer",
    hint="It may still be starting: try again in a moment, or restart it.",
    silent=True,
)


def probe_all(candidates: Sequence[Candidate], machine: Machine, timeout: float = QUICK) -> list[Probe]:
    """The answers in the order of the candidates, which are probed at the same time.

    Ends after ``timeout`` seconds at the latest; a platform without an answer by then is `SILENT`.
    """
    answers: queue.SimpleQueue[tuple[int, Probe]] = queue.SimpleQueue()

    def ask(index: int, provider: PlatformProvider, platform: Platform) -> None:
        try:
            answer = provider.probe(platform, machine, timeout)
        except Exception as error:  # noqa: BLE001 - perhaps somebody else's provider; it must not end the others
            answer = Probe(problem=f"could not be asked: {' '.join(str(error).split()) or type(error).__name__}")
        answers.put((index, answer))

    deadline = time.monotonic() + timeout
    for index, (provider, platform) in enumerate(candidates):
        # Daemons: one that hangs in spite of its time limit keeps no process alive.
        threading.Thread(target=ask, args=(index, provider, platform), name="dvm-probe", daemon=True).start()
    found = [SILENT] * len(candidates)
    for _ in candidates:
        try:
            index, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[index] = answer
    return found


def first_alive(provider: PlatformProvider, platforms: Sequence[Platform], machine: Machine) -> Platform:
    """The first platform that answers; the first of all if none does.

    A silent one is probed again with more time before a later one is chosen: a busy machine must choose like an idle
    one.
    """
    if len(platforms) == 1:
        return platforms[0]
    probes = probe_all([(provider, one) for one in platforms], machine)
    answers = next((index for index, probe in enumerate(probes) if probe.reachable), len(platforms))
    slow = [one for one, probe in zip(platforms[:answers], probes, strict=False) if probe.silent]
    for one, probe in zip(slow, probe_all([(provider, one) for one in slow], machine, PATIENT), strict=True):
        if probe.reachable:
            return one
    return platforms[answers] if answers < len(platforms) else platforms[0]
