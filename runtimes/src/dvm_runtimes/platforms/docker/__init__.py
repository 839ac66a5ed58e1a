"""Docker Engine, rootful and rootless, Docker Desktop, and whatever ``DOCKER_HOST`` or a Docker context leads to."""

from .provider import DockerProvider

__all__ = ["DockerProvider"]
