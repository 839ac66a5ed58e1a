"""Projects whose tests use the plugin, on the mock and on a real engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.engines.http_over_socket import ApiError, ask

from .project import Project

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose tests run on the mock."""
    return Project(tmp_path, os.environ, "mock", "mock:latest")


class Left:
    """What test runs have on an engine, besides what was there before them: the engine has other users."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._before: frozenset[str] = frozenset()
        self._before = frozenset(self.everything())

    def containers(self) -> dict[str, dict[str, Any]]:
        """By their names."""
        found = ask(self.socket, "GET", "/containers/json", all="true")
        named = {one["Names"][0].lstrip("/"): one for one in found if one["Names"][0].startswith("/dvm-test-")}
        return {name: one for name, one in named.items() if name not in self._before}

    def everything(self) -> list[str]:
        """The names of containers, networks and images, and of what a prune would take."""
        networks = [one["Name"] for one in ask(self.socket, "GET", "/networks") if one["Name"].startswith("dvm-test-")]
        images = [tag for one in ask(self.socket, "GET", "/images/json") for tag in one["RepoTags"] or []]
        volumes = [one["Name"] for one in ask(self.socket, "GET", "/volumes")["Volumes"] or []]
        others = [*networks, *(tag for tag in images if tag.startswith("dvm-test-")), *volumes]
        return [*self.containers(), *(name for name in others if name not in self._before)]

    def remove_all(self) -> None:
        """Remove them, and the networks they are on."""
        for name in self.containers():
            ask(self.socket, "DELETE", f"/containers/{name}", force="true", v="true")
        for name in self.everything():
            ask(self.socket, "DELETE", f"/networks/{name}")

    def wait_until_removed(self, container: str) -> None:
        """Return when it is gone; the engine says when."""
        try:
            ask(self.socket, "POST", f"/containers/{container}/wait", condition="removed")
        except ApiError as error:
            if error.status != 404:
                raise


@pytest.fixture
def docker_project(tmp_path: Path, docker_engine: RunningEngine) -> Project:
    """A project whose tests run on a real Docker Engine."""
    return project_on(docker_engine, tmp_path)


@pytest.fixture
def left(docker_engine: RunningEngine) -> Left:
    """What the test leaves on that engine."""
    return left_on(docker_engine)


def project_on(engine: RunningEngine, folder: Path) -> Project:
    """A project whose tests run on that engine."""
    return Project(folder, engine.environment(), engine.kind.runtime, engine.image)


def left_on(engine: RunningEngine) -> Left:
    """What is left there from now on."""
    return Left(engine.endpoint.removeprefix("unix://"))
