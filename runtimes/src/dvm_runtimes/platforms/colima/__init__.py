"""Colima: a VM for each profile, with Docker or containerd in it."""

from .provider import ColimaProvider

__all__ = ["ColimaProvider"]
