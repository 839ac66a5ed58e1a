"""What the conformance suite is run against on a test engine: the runtime that its platform's own file makes."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.plugins import providers
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.testing.subject import Subject

from .image_registry import image_registry, put_image
from .programs import need
from .registry import RunningEngine


def runtime_on(which: str, machine: Machine, **overrides: str) -> ContainerRuntime:
    """The runtime that somebody gets who asks for ``which`` on that machine, as in ``"colima:work"``."""
    name, _, profile = which.partition(":")
    provider = providers()[name]
    return provider.create(provider.select(machine, profile), machine, **overrides)


@contextmanager
def subject_on(engine: RunningEngine) -> Iterator[Subject]:
    """The subject of a test module about that engine."""
    kind = engine.kind
    # In other processes too, which have this one's environment: everything that matters goes with it.
    new_runtime = functools.partial(runtime_on, kind.which or kind.runtime, engine.machine())
    nobody, overrides = kind.unreachable(engine)
    with pytest.MonkeyPatch.context() as patch:
        for name in kind.needed_variables:
            patch.setenv(name, engine.environment()[name])
        with new_runtime() as runtime, registry_image_for(engine) as registry_image:
            yield Subject(
                runtime=runtime,
                new_runtime=new_runtime,
                image=engine.image,
                other_image=engine.other_image,
                outside=engine.outside,
                host_folder=engine.host_folder,
                unreachable=functools.partial(runtime_on, nobody, engine.machine(), **overrides),
                mount_owner=kind.mount_owner,
                registry_image=registry_image,
            )


@contextmanager
def registry_image_for(engine: RunningEngine) -> Iterator[str]:
    """An image that only a registry has, on the loopback address of the engine; empty if the engine reaches none."""
    if not engine.kind.reaches_loopback:
        yield ""
        return
    folder = engine.folder / "registry"
    folder.mkdir(exist_ok=True)
    program = need("docker-registry")
    with image_registry(program, folder) as address:
        name = put_image(address, "dvm-test/pulled", "1").removeprefix(address)
    with image_registry(engine.kind.beside(engine, program), folder) as address:
        yield f"{address}{name}"
