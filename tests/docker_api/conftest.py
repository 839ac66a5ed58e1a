"""A runtime on a real Docker Engine, and workspaces on it that are gone in the end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint
from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.errors import WorkspaceNotFoundError
from dvm_runtimes.options import StartOptions
from dvm_runtimes.runtime import ContainerRuntime

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

LIMIT = 60.0
Start = Callable[..., str]


def runtime_at(url: str, profile: DockerProfile | None = None) -> ContainerRuntime:
    """A runtime at that address, which need not answer."""
    return ContainerRuntime(DockerEngine(Endpoint.parse(url), profile or DockerProfile()))


@pytest.fixture
def runtime(docker_engine: RunningEngine) -> Iterator[ContainerRuntime]:
    with runtime_at(docker_engine.endpoint) as runtime:
        yield runtime


@pytest.fixture
def start(runtime: ContainerRuntime, docker_engine: RunningEngine) -> Iterator[Start]:
    """Starts a workspace with such options; its ID."""
    made: list[str] = []

    def start(**changes: Any) -> str:
        given: dict[str, Any] = {"image_name": docker_engine.image, "workspace_name": f"api-{secrets.token_hex(5)}"}
        made.append(runtime.start_workspace(StartOptions(**(given | changes)), timeout=LIMIT))
        return made[-1]

    yield start
    for workspace in made:
        try:
            runtime.remove_workspace(workspace, force=True, volumes=True, timeout=LIMIT)
        except WorkspaceNotFoundError:
            pass  # the test removed it
