"""Podman over its Docker-compatible API, with what differs there from Docker's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_runtimes.engines.docker_api import CONNECT_LIMIT, DockerProfile, Endpoint, connected

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime


def connect(endpoint: Endpoint, profile: DockerProfile, timeout: float | None = None) -> ContainerRuntime:
    """A runtime on the Podman service at ``endpoint``, which has answered once.

    Raises:
        RuntimeUnavailableError: it does not answer; the hint says how to start it here.
    """
    from .engine import PodmanEngine

    return connected(PodmanEngine(endpoint, profile), CONNECT_LIMIT if timeout is None else timeout)
