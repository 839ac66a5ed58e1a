"""Every engine that speaks the Docker API, local or remote.

What is imported here loads fast: platform detection needs `profile`, `provider`,
`client` and `error_mapping`, which use the standard library only. The Docker
SDK, which is slow to load, is used by `docker_config` only, for credentials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_runtimes.engines.http.endpoint import Endpoint, Tls

from .profile import DockerProfile, Hints

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

    from .engine import DockerEngine

CONNECT_LIMIT = 15.0
"""Seconds in which an engine has to answer before a runtime on it exists."""

__all__ = ["DockerProfile", "Endpoint", "Hints", "Tls", "connect", "connected"]


def connect(
    endpoint: Endpoint, profile: DockerProfile | None = None, *, timeout: float = CONNECT_LIMIT
) -> ContainerRuntime:
    """A runtime on the engine at ``endpoint``, which has answered once.

    Args:
        endpoint: where it listens.
        profile: which product it is; Docker Engine on this host by default.
        timeout: seconds in which it must answer.

    Raises:
        RuntimeUnavailableError: it does not answer; the hint says how to start it here.
    """
    from .engine import DockerEngine

    return connected(DockerEngine(endpoint, profile or DockerProfile()), timeout)


def connected(engine: DockerEngine, timeout: float = CONNECT_LIMIT) -> ContainerRuntime:
    """A runtime on an engine, which has answered once; else it is closed.

    Raises:
        RuntimeUnavailableError: it does not answer within ``timeout`` seconds.
    """
    from dvm_runtimes.operation import Operation
    from dvm_runtimes.runtime import ContainerRuntime

    try:
        with Operation("connect", timeout=timeout, platform=engine.platform_name) as op:
            engine.negotiate(op)
    except BaseException:
        engine.close()
        raise
    return ContainerRuntime(engine)
