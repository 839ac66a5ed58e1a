"""Each kind of engine that tests run on does what tests expect of any."""

from __future__ import annotations

import re
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest
from tests.engines.docker_outside import DockerOutside
from tests.engines.registry import EngineKind, every_kind

from dvm_runtimes import testing

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine


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


def test_a_published_port_is_reached_from_this_host_and_a_folder_of_it_is_mounted(engine: RunningEngine) -> None:
    (engine.host_folder / "page").write_text("from this host")
    outside = docker_outside_of(engine)
    container = outside.create_serving("harness-serving", engine.host_folder)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{outside.port_of(container)}/page", timeout=60) as answer:
            assert answer.read() == b"from this host"
    finally:
        outside.remove(container)


def docker_outside_of(engine: RunningEngine) -> DockerOutside:
    if not isinstance(engine.outside, DockerOutside):
        pytest.skip(f"engine {engine.kind.name}: its own tests do this, it does not speak the Docker API")
    return engine.outside


@pytest.mark.parametrize("kind", every_kind().values(), ids=every_kind())
def test_its_share_of_the_suite_is_there(kind: EngineKind) -> None:
    assert set(kind.suite.parts) <= set(testing.__all__)


def test_it_says_which_version_it_is(engine: RunningEngine) -> None:
    assert re.search(r"[0-9]+[.][0-9]+", engine.version)
    assert engine.endpoint


def test_its_environment_names_it_and_no_other(engine: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere")
    monkeypatch.setenv("CONTAINER_HOST", "unix:///elsewhere")
    monkeypatch.setenv("DVM_RUNTIME", "mock")
    environment = engine.environment()
    assert "unix:///elsewhere" not in environment.values()
    assert "DVM_RUNTIME" not in environment
