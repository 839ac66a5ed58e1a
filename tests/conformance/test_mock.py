"""The mock passes the same conformance suite as every real engine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvm_runtimes.mock import MockControls, MockEngine, MockRuntime
from dvm_runtimes.testing.builds import BuildConformance
from dvm_runtimes.testing.copying import CopyConformance
from dvm_runtimes.testing.drift import DriftConformance
from dvm_runtimes.testing.ending import EndConformance
from dvm_runtimes.testing.events import EventConformance
from dvm_runtimes.testing.exec import ExecConformance
from dvm_runtimes.testing.finding import FindConformance
from dvm_runtimes.testing.images import ImageConformance
from dvm_runtimes.testing.logs import LogConformance
from dvm_runtimes.testing.naming import NamingConformance
from dvm_runtimes.testing.starting import StartConformance
from dvm_runtimes.testing.statuses import StatusConformance
from dvm_runtimes.testing.subject import Outside, Subject
from dvm_runtimes.testing.terminals import TerminalConformance

OTHER_IMAGE = "dvm-test/other:1"


class MockOutside(MockControls, Outside):
    """The mock's controls do all that somebody else at its engine can do."""

    def retag(self, source: str, name: str) -> None:
        self.tag(source, name)


def unreachable() -> MockRuntime:
    """A runtime whose engine does not answer."""
    runtime = MockRuntime()
    runtime.mock.make_unavailable()
    return runtime


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    name = f"conformance-{secrets.token_hex(4)}"
    with MockRuntime(name) as runtime:
        engine = runtime.engine
        assert isinstance(engine, MockEngine)
        outside = MockOutside(engine.world)
        outside.add_image(OTHER_IMAGE, files={"/etc/other": "another image\n"})
        outside.add_pullable("registry.test/dvm/pulled:1")
        yield Subject(
            runtime=runtime,
            new_runtime=lambda: MockRuntime(name),
            image="mock:latest",
            other_image=OTHER_IMAGE,
            outside=outside,
            host_folder=Path(tmp_path_factory.mktemp("host")),
            unreachable=unreachable,
            registry_image="registry.test/dvm/pulled:1",
        )
        outside.reset()


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


class TestTerminal(TerminalConformance): ...


class TestEvent(EventConformance): ...
