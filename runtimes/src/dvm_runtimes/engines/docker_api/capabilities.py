"""What an engine of the Docker API can do, from what it says of itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dvm_runtimes.infos import Capabilities

from .profile import DockerProfile


def is_rootless(info: Mapping[str, Any]) -> bool:
    """Whether the engine runs without root's rights."""
    return any("rootless" in str(option) for option in info.get("SecurityOptions") or ())


def capabilities_of(info: Mapping[str, Any], profile: DockerProfile) -> Capabilities:
    """The capabilities of an engine.

    Args:
        info: the answer to ``GET /info``.
        profile: which product it is.
    """
    reasons: dict[str, str] = {}
    driver = str(info.get("CgroupDriver") or "")
    if driver == "none":
        # Such an engine takes limits and drops them without a word.
        reasons["resource_limits"] = "it runs rootless without cgroups (Cgroup Driver: none), so limits have no effect"
        reasons["pause"] = "it runs rootless without cgroups, whose freezer pausing needs"
    elif info.get("MemoryLimit") is False:
        reasons["resource_limits"] = "the kernel of its host has no memory cgroup"
    if is_rootless(info):
        reasons["host_network"] = "it runs rootless in namespaces of its own, whose network is not that of this machine"
    if not profile.local:
        reasons["bind_mounts"] = "its host is another machine, which does not have this machine's folders"
    if profile.place != "here" and not profile.ssh_agent_socket:
        reasons["ssh_agent"] = "its host does not share this machine's SSH agent"
    return Capabilities(**dict.fromkeys(reasons, False), reasons=reasons)
