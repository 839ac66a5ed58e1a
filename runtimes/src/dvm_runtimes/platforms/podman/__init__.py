"""Podman: rootless, rootful, in its machine, or at ``CONTAINER_HOST`` and connections."""

from .provider import PodmanProvider

__all__ = ["PodmanProvider"]
