"""Each kind of engine that tests run on does what tests expect of any."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from .registry import every_kind

if TYPE_CHECKING:
    from .fixtures import Engines
    from .registry import RunningEngine


@pytest.fixture(params=every_kind() if sys.platform == "linux" else ["docker"], scope="module")
def engine(request: pytest.FixtureRequest, engines: Engines) -> RunningEngine:
    return engines.get(request.param)


def test_somebody_else_can_run_kill_and_remove_a_container(engine: RunningEngine) -> None:
    container = engine.outside.create_foreign("harness-foreign")
    try:
        assert engine.outside.is_running(container)
        engine.outside.kill(container)
        assert not engine.outside.is_running(container)
        assert engine.outside.exists("harness-foreign")
    finally:
        engine.outside.remove(container)
    assert not engine.outside.exists(container)


def test_it_says_which_version_it_is(engine: RunningEngine) -> None:
    assert engine.version[:1].isdigit()
    assert engine.endpoint


def test_its_environment_names_it_and_no_other(engine: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere")
    monkeypatch.setenv("CONTAINER_HOST", "unix:///elsewhere")
    monkeypatch.setenv("DVM_RUNTIME", "mock")
    environment = engine.environment()
    assert "unix:///elsewhere" not in environment.values()
    assert "DVM_RUNTIME" not in environment
