"""The way to Colima's profiles that run containerd, which no Docker API leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import UnsupportedError
from dvm_runtimes.infos import Platform
from dvm_runtimes.provider import Machine, Probe

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

_PROBLEM = "runs containerd, which this version does not drive"


def probe_containerd(platform: Platform, machine: Machine, timeout: float) -> Probe:
    """Ask the profile's containerd for its version, within ``timeout`` seconds. Never raises."""
    return Probe(problem=_PROBLEM, hint=_hint(platform))


def create_containerd(platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
    """The runtime that drives the profile's containerd.

    Raises:
        RuntimeUnavailableError: it does not answer.
    """
    raise UnsupportedError(
        f"{platform.name} {_PROBLEM}", hint=_hint(platform), platform=platform.name, operation="create_runtime"
    )


def _hint(platform: Platform) -> str:
    return f"Give it Docker: `colima delete {platform.profile} && colima start {platform.profile} --runtime docker`."
