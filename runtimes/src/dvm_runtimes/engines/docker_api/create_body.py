"""From a `ContainerSpec` to the body of ``POST /containers/create``. Pure."""

from __future__ import annotations

from typing import Any

from dvm_runtimes.engines.base import ContainerSpec
from dvm_runtimes.options import Mount

_TMP = "/tmp"  # noqa: S108 -- in the container


def create_body(spec: ContainerSpec, *, log_driver: str = "") -> dict[str, Any]:
    """The request that makes this container, and nothing that the spec does not say.

    Args:
        spec: the container.
        log_driver: keeps its output; empty for the engine's own choice.
    """
    body: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{key}={value}" for key, value in spec.env.items()],
        "Labels": dict(spec.labels),
        "WorkingDir": spec.working_dir,
        "User": spec.user,
        "HostConfig": _host(spec),
    }
    if spec.entrypoint is not None:
        # The engine takes [""] for "clear the image's"; an empty list would keep it.
        body["Entrypoint"] = list(spec.entrypoint) or [""]
    if spec.command is not None:
        body["Cmd"] = list(spec.command)
    if spec.ports:
        body["ExposedPorts"] = {port.key: {} for port in spec.ports}
    if spec.network_aliases:
        aliases = {"Aliases": list(spec.network_aliases)}
        body["NetworkingConfig"] = {"EndpointsConfig": {spec.network_mode: aliases}}
    if log_driver:
        body["HostConfig"]["LogConfig"] = {"Type": log_driver, "Config": {}}
    return body


def log_driver_for(engines_own: str) -> str:
    """What keeps a container's output; empty for the engine's own choice.

    ``json-file``, which nobody chooses but everybody has, replaces bytes that
    are no UTF-8 and grows without end; ``local`` does neither.
    """
    return "local" if engines_own == "json-file" else ""


def _host(spec: ContainerSpec) -> dict[str, Any]:
    host: dict[str, Any] = {
        "Init": spec.init,
        "Mounts": [_mount(mount) for mount in spec.mounts if mount.type != "tmpfs"],
        "Tmpfs": _tmpfs(spec),
        "PortBindings": _bindings(spec),
        "ExtraHosts": [f"{name}:{address}" for name, address in spec.extra_hosts.items()],
        "ReadonlyRootfs": spec.read_only_root,
        "Privileged": spec.privileged,
        "CapDrop": list(spec.cap_drop),
        "CapAdd": list(spec.cap_add),
        "SecurityOpt": list(spec.security_opt),
    }
    if spec.keep_id:
        host["UsernsMode"] = "keep-id"
    if spec.network_mode:
        host["NetworkMode"] = spec.network_mode
    if spec.cpus:
        host["NanoCpus"] = round(spec.cpus * 1e9)
    if spec.memory:
        host["Memory"] = spec.memory
        # Without it the same amount of swap comes on top of the limit.
        host["MemorySwap"] = spec.memory
    if spec.shm_size:
        host["ShmSize"] = spec.shm_size
    if spec.pids_limit:
        host["PidsLimit"] = spec.pids_limit
    return host


def _mount(mount: Mount) -> dict[str, Any]:
    made: dict[str, Any] = {"Type": mount.type, "Target": mount.destination, "ReadOnly": mount.read_only}
    if mount.source:
        made["Source"] = mount.source
    return made


def _tmpfs(spec: ContainerSpec) -> dict[str, str]:
    # As "Mounts" they would be noexec, and no option could change that before API 1.46.
    tmpfs = {
        mount.destination: f"{'ro' if mount.read_only else 'rw'},exec,mode=1777"
        for mount in spec.mounts
        if mount.type == "tmpfs"
    }
    if spec.read_only_root and not any(mount.destination.rstrip("/") == _TMP for mount in spec.mounts):
        tmpfs[_TMP] = "rw,exec,mode=1777"
    return tmpfs


def _bindings(spec: ContainerSpec) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in spec.ports:
        # An empty port lets the engine choose one.
        bindings.setdefault(port.key, []).append(
            {"HostIp": port.host_ip, "HostPort": str(port.host) if port.host else ""}
        )
    return bindings
