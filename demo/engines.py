"""Which engine the demo runs on: the first usable one, else one of its own, else the mock."""

from __future__ import annotations

import os
import shutil
import subprocess
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

from .errors import DemoError
from .transcript import Transcript


@dataclass(frozen=True)
class Selection:
    """The engine of this run.

    Attributes:
        which: the runtime's selector, as in ``"colima:work"``.
        environment: the environment in which the engine is found.
        endpoint: the address it listens on; empty for the mock.
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
def select_engine(transcript: Transcript) -> Iterator[Selection]:
    """The engine to use; one that was started for the demo is ended and deleted at the end of the block."""
    found = find_engine()
    if found is not None:
        yield found
        return
    if reason := why_no_engine_can_be_started():
        transcript.text(f"No container engine answers on this machine, and none can be started: {reason}.")
        transcript.text("So this runs on mock, an engine in memory. Where a real engine answers, it runs on that.")
        yield Selection("mock")
        return
    transcript.text("No container engine answers on this machine. Installing Docker and starting one for this demo.")
    with own_engine() as engine:
        yield engine


def find_engine() -> Selection | None:
    """The engine that the user has configured, else the first one that answers, builds and mounts folders.

    Raises:
        DvmError: the configured engine does not answer; the hint says what to do.
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


def usable(which: str) -> Selection | None:
    """That engine, if it builds images and mounts folders.

    Raises:
        DvmError: it does not answer.
    """
    with create_runtime(which) as runtime:
        can = runtime.capabilities.build and runtime.capabilities.bind_mounts
        return Selection(which, endpoint=runtime.endpoint) if can else None


def why_no_engine_can_be_started() -> str:
    """The reason, as part of a sentence; empty when one can be started."""
    if sys.platform != "linux" or not shutil.which("apt-get"):
        return "that needs Debian's packages"
    if os.geteuid() != 0:
        return "that needs root"
    return ""


@contextmanager
def own_engine() -> Iterator[Selection]:
    """A Docker engine for the demo only, started as the tests start theirs: private sockets and folders."""
    from tests.engines import debian
    from tests.engines.registry import every_kind

    kind = every_kind()["docker"]
    if packages := kind.packages():
        try:
            debian.install(packages)
        except subprocess.CalledProcessError as error:
            raise DemoError(f"the packages {' '.join(packages)} could not be installed: {error}") from None
    if reason := kind.why_not():
        raise DemoError(f"no engine can be started: {reason}")
    engine = kind.start()
    try:
        yield Selection("docker", engine.environment(), engine.endpoint, own=True)
    finally:
        engine.end()
