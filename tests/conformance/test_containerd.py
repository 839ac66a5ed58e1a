"""containerd, driven by nerdctl, passes the conformance suite."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.subjects import registry_image_for

from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.platforms.containerd import ContainerdProvider
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.testing import *  # noqa: F403
from dvm_runtimes.testing import Subject

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine

KIND = "containerd"


def runtime_at(nerdctl: str, address: str) -> ContainerRuntime:
    """A runtime on the containerd at that socket."""
    provider, machine = ContainerdProvider(), Machine.this()
    return provider.create(provider.select(machine, ""), machine, nerdctl=nerdctl, address=address)


@pytest.fixture(scope="module")
def containerd_engine(engines: Engines) -> RunningEngine:
    return engines.get(KIND)


@pytest.fixture(scope="module")
def subject(containerd_engine: RunningEngine) -> Iterator[Subject]:
    # Not below pytest's own folder, which only its user may enter.
    folder = Path(tempfile.mkdtemp(prefix="dvm-conformance-", dir="/tmp"))
    folder.chmod(0o755)
    nerdctl = str(containerd_engine.folder / "bin" / "nerdctl")
    new_runtime = functools.partial(runtime_at, nerdctl, containerd_engine.endpoint)
    with new_runtime() as runtime, registry_image_for(containerd_engine) as registry_image:
        yield Subject(
            runtime=runtime,
            new_runtime=new_runtime,
            image=containerd_engine.image,
            other_image=containerd_engine.other_image,
            outside=containerd_engine.outside,
            host_folder=folder,
            unreachable=functools.partial(runtime_at, nerdctl, f"{folder}/nobody.sock"),
            registry_image=registry_image,
        )
    shutil.rmtree(folder)
