"""From the body that Docker takes to the one that Podman takes for the same container. Pure."""

from __future__ import annotations

from typing import Any

from dvm_runtimes.engines.base import ContainerSpec

_BREAKS_A_MOUNT = (",", '"')
"""Podman makes a line of comma-separated values of a mount, and quotes nothing."""

NO_LIMIT = -1


def adapted(body: dict[str, Any], spec: ContainerSpec) -> dict[str, Any]:
    """The same request in Podman's terms."""
    host = body["HostConfig"]
    if not spec.pids_limit:
        # Podman has a limit of its own for who asks for none.
        host["PidsLimit"] = NO_LIMIT
    mounts: list[dict[str, Any]] = host["Mounts"]
    odd = [mount for mount in mounts if _is_odd(mount)]
    if odd:
        host["Mounts"] = [mount for mount in mounts if not _is_odd(mount)]
        host["Binds"] = [_bind(mount) for mount in odd]
    return body


def _is_odd(mount: dict[str, Any]) -> bool:
    paths = f"{mount.get('Source', '')}{mount['Target']}"
    return any(sign in paths for sign in _BREAKS_A_MOUNT) and ":" not in paths


def _bind(mount: dict[str, Any]) -> str:
    return f"{mount.get('Source', '')}:{mount['Target']}:{'ro' if mount.get('ReadOnly') else 'rw'}"
