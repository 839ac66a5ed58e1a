"""A containerd profile of Colima, driven through `colima ssh`, passes the conformance suite."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.image_registry import image_registry, put_image
from tests.engines.kinds.colima import PROFILE, STOPPED, enter
from tests.engines.programs import need

from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.platforms.colima.provider import ColimaProvider
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.testing import *  # noqa: F403
from dvm_runtimes.testing import Subject

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


@contextmanager
def pulled_image(engine: RunningEngine) -> Iterator[str]:
    """An image that only a registry in the virtual machine has, whose loopback address is another than ours."""
    folder = engine.folder / "registry"
    folder.mkdir()
    program = need("docker-registry")
    with image_registry(program, folder) as address:
        name = put_image(address, "dvm-test/pulled", "1").removeprefix(address)
    inside = folder / "docker-registry"
    inside.write_text(f'#!/bin/sh\nexec {shlex.join(enter(engine.folder))} {program} "$@"\n')
    inside.chmod(0o755)
    with image_registry(str(inside), folder) as address:
        yield f"{address}{name}"


@pytest.fixture(scope="module")
def subject(colima_engine: RunningEngine) -> Iterator[Subject]:
    new_runtime = functools.partial(runtime_at, colima_engine.environment(), PROFILE)
    with new_runtime() as runtime, pulled_image(colima_engine) as registry_image:
        yield Subject(
            runtime=runtime,
            new_runtime=new_runtime,
            image=colima_engine.image,
            other_image=colima_engine.other_image,
            outside=colima_engine.outside,
            host_folder=colima_engine.host_folder,
            unreachable=functools.partial(runtime_at, colima_engine.environment(), STOPPED),
            mount_owner=colima_engine.kind.mount_owner,
            registry_image=registry_image,
        )
