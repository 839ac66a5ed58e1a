"""Fixtures that hand engines to tests, each started when the first test asks for it.

Each worker of pytest-xdist has engines of its own: a test may stop everything
on an engine without a thought for tests that run at the same moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .registry import every_kind

if TYPE_CHECKING:
    from .registry import EngineKind, RunningEngine

REQUIRED = os.environ.get("DVM_TEST_ENGINES") == "required"
"""Whether an engine that can't be had fails the run instead of being skipped."""

PROPERTY = "dvm-test-engine"


class Engines:
    """The engines of this worker that are shared by its tests."""

    def __init__(self) -> None:
        self._running: dict[str, RunningEngine] = {}

    def get(self, name: str) -> RunningEngine:
        """The engine of that kind, started now if it was not; skips the test if it can't be had."""
        if name not in self._running:
            engine = start(every_kind()[name])
            engine.shared = True
            self._running[name] = engine
        return self._running[name]

    def end(self) -> None:
        while self._running:
            self._running.popitem()[1].end()


def need(kind: EngineKind) -> None:
    """Skip the test if that kind of engine can't be had; fail it where engines are required."""
    if reason := kind.why_not():
        text = f"engine {kind.name}: {reason}"
        if REQUIRED:
            pytest.fail(text, pytrace=False)
        pytest.skip(text)


def start(kind: EngineKind) -> RunningEngine:
    """Start an engine of that kind, as far as it can be had."""
    need(kind)
    return kind.start()


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """Every kind of engine, by name: ``engines.get("docker-26.1")``. Shared, so it is not to be stopped."""
    pool = Engines()
    yield pool
    pool.end()


@pytest.fixture(scope="session")
def docker_engine(engines: Engines) -> RunningEngine:
    """A real Docker Engine, shared by the tests of this worker."""
    return engines.get("docker")


@pytest.fixture
def private_docker_engine() -> Iterator[RunningEngine]:
    """A real Docker Engine for one test alone, which may stop, kill and start it."""
    engine = start(every_kind()["docker"])
    yield engine
    engine.end()
