"""A real Docker Engine passes the conformance suite."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvm_runtimes.docker_api import Endpoint, connect
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.testing.builds import BuildConformance
from dvm_runtimes.testing.copying import CopyConformance
from dvm_runtimes.testing.drift import DriftConformance
from dvm_runtimes.testing.ending import EndConformance
from dvm_runtimes.testing.exec import ExecConformance
from dvm_runtimes.testing.finding import FindConformance
from dvm_runtimes.testing.images import ImageConformance
from dvm_runtimes.testing.logs import LogConformance
from dvm_runtimes.testing.naming import NamingConformance
from dvm_runtimes.testing.starting import StartConformance
from dvm_runtimes.testing.statuses import StatusConformance
from dvm_runtimes.testing.subject import Subject

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine


def runtime_at(url: str) -> ContainerRuntime:
    """A runtime on the engine at that address."""
    return connect(Endpoint.parse(url))


@pytest.fixture(scope="module")
def subject(docker_engine: RunningEngine) -> Iterator[Subject]:
    # Not below pytest's own folder, which only its user may enter.
    folder = Path(tempfile.mkdtemp(prefix="dvm-conformance-", dir="/tmp"))
    folder.chmod(0o755)
    new_runtime = functools.partial(runtime_at, docker_engine.endpoint)
    with new_runtime() as runtime:
        yield Subject(
            runtime=runtime,
            new_runtime=new_runtime,
            image=docker_engine.image,
            other_image=docker_engine.other_image,
            outside=docker_engine.outside,
            host_folder=folder,
            unreachable=functools.partial(runtime_at, f"unix://{folder}/nobody.sock"),
        )
    shutil.rmtree(folder)


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
