"""A containerd profile of Colima, driven through `colima ssh`, passes the conformance suite."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.kinds.colima import PROFILE, STOPPED

from dvm_runtimes.platforms.colima import ColimaProvider
from dvm_runtimes.provider import Machine
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.testing.builds import BuildConformance
from dvm_runtimes.testing.confinement import ConfinementConformance
from dvm_runtimes.testing.copying import CopyConformance
from dvm_runtimes.testing.drift import DriftConformance
from dvm_runtimes.testing.ending import EndConformance
from dvm_runtimes.testing.events import EventConformance
from dvm_runtimes.testing.exec import ExecConformance
from dvm_runtimes.testing.finding import FindConformance
from dvm_runtimes.testing.images import ImageConformance
from dvm_runtimes.testing.logs import LogConformance
from dvm_runtimes.testing.mounts import MountConformance
from dvm_runtimes.testing.naming import NamingConformance
from dvm_runtimes.testing.ports import PortConformance
from dvm_runtimes.testing.starting import StartConformance
from dvm_runtimes.testing.statuses import StatusConformance
from dvm_runtimes.testing.subject import Subject
from dvm_runtimes.testing.terminals import TerminalConformance
from dvm_runtimes.testing.waits import WaitConformance

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine

KIND = "colima-containerd"


def runtime_at(environment: dict[str, str], profile: str) -> ContainerRuntime:
    """A runtime on that profile of the Colima to which the environment leads."""
    provider = ColimaProvider()
    machine = Machine(env=environment, home=Path(environment["HOME"]), uid=os.getuid())
    return provider.create(provider.select(machine, profile), machine)


@pytest.fixture(scope="module")
def colima_engine(engines: Engines) -> RunningEngine:
    return engines.get(KIND)


@pytest.fixture(scope="module")
def subject(colima_engine: RunningEngine) -> Iterator[Subject]:
    new_runtime = functools.partial(runtime_at, colima_engine.environment(), PROFILE)
    with new_runtime() as runtime:
        yield Subject(
            runtime=runtime,
            new_runtime=new_runtime,
            image=colima_engine.image,
            other_image=colima_engine.other_image,
            outside=colima_engine.outside,
            host_folder=colima_engine.host_folder,
            unreachable=functools.partial(runtime_at, colima_engine.environment(), STOPPED),
            mount_owner=colima_engine.kind.mount_owner,
        )


class TestExec(ExecConformance): ...


class TestStart(StartConformance): ...


class TestDrift(DriftConformance): ...


class TestNaming(NamingConformance): ...


class TestStatus(StatusConformance): ...


class TestEnd(EndConformance): ...


class TestFind(FindConformance): ...


class TestImage(ImageConformance): ...


class TestBuild(BuildConformance): ...


class TestLog(LogConformance): ...


class TestCopy(CopyConformance): ...


class TestEvent(EventConformance): ...


class TestMount(MountConformance): ...


class TestPort(PortConformance): ...


class TestTerminal(TerminalConformance): ...


class TestWait(WaitConformance): ...


class TestConfinement(ConfinementConformance): ...
