"""From the body that Docker takes to the one that Podman takes for the same container. Pure."""

from __future__ import annotations

from typing import Any

from dvm_runtimes.engines.base import ContainerSpec

_BREAKS_A_MOUNT = (",", '"')
"""Podman makes a line of comma-separated values of a mount, and quotes nothing."""

NO_LIMIT = -1

_CAPABILITIES = frozenset(
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "  # noqa: SIM905
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ".split()
)
"""Those that every version knows; its configuration may have any of them among its defaults."""

_DEFAULTS = frozenset(["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"])
"""Those that every version has among its defaults."""


def adapted(body: dict[str, Any], spec: ContainerSpec) -> dict[str, Any]:
    """The same request in Podman's terms."""
    host = body["HostConfig"]
    if not spec.pids_limit:
        # Podman has a limit of its own for who asks for none.
        host["PidsLimit"] = NO_LIMIT
    if "ALL" in spec.cap_drop and not _is_root(spec.user):
        # Podman makes added capabilities ambient, so that any user has them. Its defaults only limit what root has.
        host["CapAdd"] = [name for name in spec.cap_add if name not in _DEFAULTS]
        host["CapDrop"] = sorted(_CAPABILITIES.difference(spec.cap_add))
    mounts: list[dict[str, Any]] = host["Mounts"]
    odd = [mount for mount in mounts if _is_odd(mount)]
    if odd:
        host["Mounts"] = [mount for mount in mounts if not _is_odd(mount)]
        host["Binds"] = [_bind(mount) for mount in odd]
    return body


def _is_root(user: str) -> bool:
    return user.partition(":")[0] in ("0", "root")


def _is_odd(mount: dict[str, Any]) -> bool:
    paths = f"{mount.get('Source', '')}{mount['Target']}"
    return any(sign in paths for sign in _BREAKS_A_MOUNT) and ":" not in paths


def _bind(mount: dict[str, Any]) -> str:
    return f"{mount.get('Source', '')}:{mount['Target']}:{'ro' if mount.get('ReadOnly') else 'rw'}"
