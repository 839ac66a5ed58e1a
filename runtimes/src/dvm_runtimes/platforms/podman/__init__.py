"""Podman: of this user, of root, in a machine of its own, or wherever ``CONTAINER_HOST`` and connections lead."""

from .provider import PodmanProvider

__all__ = ["PodmanProvider"]
