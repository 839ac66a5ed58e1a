"""Which engine the demo runs on: the best one found, else one of its own, else the mock."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from dvm_runtimes.discovery.choice import choose
from dvm_runtimes.discovery.detection import look_for_usable
from dvm_runtimes.discovery.factory import create_runtime
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.errors import DvmError
from dvm_runtimes.plugins import providers

from .transcript import Transcript


@dataclass(frozen=True)
class Chosen:
    """The engine of this run.

    Attributes:
        which: what the server is to use, as in ``"colima:work"``.
        environment: in which it is found.
        endpoint: where it listens; empty for the mock.
        own: whether it was started for the demo.
    """

    which: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    endpoint: str = ""
    own: bool = False

    @property
    def mock(self) -> bool:
        return self.which == "mock"


@contextmanager
def chosen(transcript: Transcript) -> Iterator[Chosen]:
    """The engine to use; one that was started for the demo is ended, and all of it deleted, at the end."""
    found = best_found()
    if found is not None:
        yield found
        return
    if reason := why_not_own():
        transcript.say(f"No container engine answers on this machine, and none can be started: {reason}.")
        transcript.say("So this runs on mock, an engine in memory. With a real one, the same steps run on that.")
        yield Chosen("mock")
        return
    transcript.say("No container engine answers on this machine. Installing Docker and starting one for this demo.")
    with own_engine() as engine:
        yield engine


def best_found() -> Chosen | None:
    """What the user has asked for, else the first engine that answers, builds and mounts folders.

    Raises:
        DvmError: what was asked for does not answer; the hint says what to do.
    """
    machine = Machine.this()
    choice = choose("auto", machine, providers())
    if not choice.automatic:
        return usable(str(choice))
    for sighting in look_for_usable(machine):
        if sighting.eligible and sighting.probe.reachable:
            try:
                if found := usable(sighting.platform.selector):
                    return found
            except DvmError:
                continue  # it went away since it was seen; the next one may do
    return None


def usable(which: str) -> Chosen | None:
    """That engine, if it can do what the demo shows.

    Raises:
        DvmError: it does not answer.
    """
    with create_runtime(which) as runtime:
        can = runtime.capabilities.build and runtime.capabilities.bind_mounts
        return Chosen(which, endpoint=runtime.endpoint) if can else None


def why_not_own() -> str:
    """The reason why no engine can be started here; empty when one can."""
    if sys.platform != "linux" or not shutil.which("apt-get"):
        return "only a Linux of Debian's kind has the packages for it"
    if os.geteuid() != 0:
        return "only root may install and start one"
    return ""


@contextmanager
def own_engine() -> Iterator[Chosen]:
    """A Docker engine of the demo's own, as the tests have them: private sockets and folders, ended by its id."""
    from tests.engines import debian
    from tests.engines.registry import every_kind

    kind = every_kind()["docker"]
    if packages := kind.packages():
        debian.install(packages)
    if reason := kind.why_not():
        raise SystemExit(f"demo: no engine can be started: {reason}")
    engine = kind.start()
    try:
        yield Chosen("docker", engine.environment(), engine.endpoint, own=True)
    finally:
        engine.end()
