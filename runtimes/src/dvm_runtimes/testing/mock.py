"""The mock as a subject of the conformance suite: the example for other runtimes' subjects."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvm_runtimes.engines.mock import MockControls, MockEngine, MockRuntime

from .subject import Outside, Subject

OTHER_IMAGE = "dvm-test/other:1"
REGISTRY_IMAGE = "registry.test/dvm/pulled:1"


class MockOutside(MockControls, Outside):
    """The mock's controls do all that somebody else at its engine can do."""

    def retag(self, source: str, name: str) -> None:
        self.tag(source, name)


@contextmanager
def mock_subject(folder: Path) -> Iterator[Subject]:
    """A mock engine of its own, which ends with the block.

    Args:
        folder: of this host, for what is mounted.
    """
    name = f"conformance-{secrets.token_hex(4)}"
    with MockRuntime(name) as runtime:
        engine = runtime.engine
        assert isinstance(engine, MockEngine)
        outside = MockOutside(engine.world)
        outside.add_image(OTHER_IMAGE, files={"/etc/other": "another image\n"})
        outside.add_pullable(REGISTRY_IMAGE)
        yield Subject(
            runtime=runtime,
            # It is in this process's memory alone, so it must not be pickled.
            new_runtime=lambda: MockRuntime(name),
            image="mock:latest",
            other_image=OTHER_IMAGE,
            outside=outside,
            host_folder=folder,
            unreachable=unreachable,
            registry_image=REGISTRY_IMAGE,
        )
        outside.reset()


def unreachable() -> MockRuntime:
    """A runtime whose engine does not answer."""
    runtime = MockRuntime()
    runtime.mock.make_unavailable()
    return runtime
