"""Docker Engine, rootful and rootless, Docker Desktop, and the engines of ``DOCKER_HOST`` and Docker contexts."""

from .provider import DockerProvider

__all__ = ["DockerProvider"]
