"""The API's JSON as containers, images, ports and capabilities. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

from dvm_runtimes.engines.base import Container
from dvm_runtimes.infos import Capabilities, HostPort, ImageInfo, WorkspaceStatus

from .port_view import PortView
from .profile import DockerProfile

_STATUS = {
    "running": WorkspaceStatus.RUNNING,
    "paused": WorkspaceStatus.PAUSED,
    "restarting": WorkspaceStatus.RESTARTING,
    "created": WorkspaceStatus.CREATED,
    "exited": WorkspaceStatus.EXITED,
    "dead": WorkspaceStatus.DEAD,
    "removing": WorkspaceStatus.REMOVING,
    # Podman's own names, where its compatible API shows them.
    "configured": WorkspaceStatus.CREATED,
    "initialized": WorkspaceStatus.CREATED,
    "stopped": WorkspaceStatus.EXITED,
    "stopping": WorkspaceStatus.RUNNING,
}
_ENDED = (WorkspaceStatus.EXITED, WorkspaceStatus.DEAD, WorkspaceStatus.RESTARTING, WorkspaceStatus.REMOVING)
_PROSE_EXIT = re.compile(r"\((-?\d+)\)")
_PROSE_HEALTH = re.compile(r"\((healthy|unhealthy|health: starting)\)")
_FRACTION = re.compile(r"(\.\d{1,9})\d*")


def status(text: str) -> WorkspaceStatus:
    """The engine's name of a state, as `WorkspaceStatus`.

    >>> status("Exited").value
    'exited'
    """
    return _STATUS.get(text.lower(), WorkspaceStatus.UNKNOWN)


def seconds(text: str | float | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time with up to nine digits; None for Go's zero time.

    >>> seconds("1970-01-01T00:00:01.500000000Z")
    1.5
    """
    if isinstance(text, int | float):
        return float(text)
    if not text or text.startswith("0001-01-01"):
        return None
    fraction = _FRACTION.search(text)
    whole = _FRACTION.sub("", text, count=1)
    try:
        moment = datetime.datetime.fromisoformat(whole)
    except ValueError:
        return None
    return moment.timestamp() + (float(fraction.group(1)) if fraction else 0.0)


def exact(stamp: str) -> str:
    """An RFC 3339 time as the API takes it back, to the nanosecond, which a float cannot hold.

    >>> exact("1970-01-01T00:00:01.000000001Z")
    '1.000000001'
    """
    fraction = _FRACTION.search(stamp)
    whole = datetime.datetime.fromisoformat(_FRACTION.sub("", stamp, count=1))
    return f"{int(whole.timestamp())}{fraction.group(1) if fraction else ''}"


def inspected(data: Mapping[str, Any], view: PortView) -> Container:
    """A container from ``GET /containers/ID/json``."""
    state = data.get("State") or {}
    config = data.get("Config") or {}
    now = status(str(state.get("Status", "")))
    started = seconds(state.get("StartedAt"))
    health = state.get("Health") or state.get("Healthcheck") or {}
    ended = now in _ENDED or (now is WorkspaceStatus.CREATED and started is not None)
    return Container(
        id=str(data["Id"]),
        name=str(data.get("Name", "")).removeprefix("/"),
        status=now,
        image=str(config.get("Image", "")),
        image_id=_image_id(data.get("Image", "")),
        labels=dict(config.get("Labels") or {}),
        created=seconds(data.get("Created")) or 0.0,
        started=started,
        finished=seconds(state.get("FinishedAt")),
        exit_code=int(state.get("ExitCode", 0)) if ended and started is not None else None,
        ports=_bindings((data.get("NetworkSettings") or {}).get("Ports") or {}, view, view.shared_address(data)),
        error=str(state.get("Error") or ""),
        health=_health(health),
        health_output=_health_output(health),
        user=str(config.get("User") or ""),
    )


def listed(data: Mapping[str, Any], view: PortView) -> Container:
    """A container from ``GET /containers/json``, which has less."""
    now = status(str(data.get("State", "")))
    prose = str(data.get("Status", ""))
    code = _PROSE_EXIT.search(prose) if now in _ENDED else None
    health = _PROSE_HEALTH.search(prose)
    names = data.get("Names") or [""]
    return Container(
        id=str(data["Id"]),
        # Legacy links give a container further names, with another slash in them.
        name=next((name for name in names if "/" not in name[1:]), names[0]).removeprefix("/"),
        status=now,
        image=str(data.get("Image", "")),
        image_id=_image_id(data.get("ImageID", "")),
        labels=dict(data.get("Labels") or {}),
        created=seconds(data.get("Created")) or 0.0,
        exit_code=int(code.group(1)) if code else None,
        ports=_listed_ports(data.get("Ports") or [], view, view.shared_address(data)),
        health=health.group(1).removeprefix("health: ") if health else "",
    )


def _image_id(text: object) -> str:
    name = str(text or "")
    return f"sha256:{name}" if re.fullmatch(r"[0-9a-f]{64}", name) else name


def _health(data: Mapping[str, Any]) -> str:
    health = str(data.get("Status", ""))
    return health if health in ("healthy", "unhealthy", "starting") else ""


def _health_output(data: Mapping[str, Any]) -> str:
    checks = data.get("Log") or []
    if not checks:
        return ""
    output = " ".join(str(checks[-1].get("Output") or "").split())
    return f"exit code {checks[-1].get('ExitCode', '')}" + (f": {output}" if output else "")


def _bindings(ports: Mapping[str, Any], view: PortView, shared: str) -> dict[str, HostPort]:
    addresses: dict[str, HostPort] = {}
    for key, bindings in ports.items():
        for binding in bindings or []:
            port = int(binding.get("HostPort") or 0)
            address = view.seen(str(binding.get("HostIp") or ""), port)
            if shared:
                address = HostPort(shared, int(key.partition("/")[0]))
            # One of IPv4 and IPv6 is enough; engines name IPv4 first.
            if port and address is not None and key not in addresses:
                addresses[key] = address
    return addresses


def _listed_ports(ports: Iterable[Mapping[str, Any]], view: PortView, shared: str) -> dict[str, HostPort]:
    bindings: dict[str, list[dict[str, object]]] = {}
    for port in ports:
        if port.get("PublicPort"):
            key = f"{port['PrivatePort']}/{port.get('Type', 'tcp')}"
            bindings.setdefault(key, []).append({"HostIp": port.get("IP", ""), "HostPort": port["PublicPort"]})
    for several in bindings.values():
        several.sort(key=lambda one: ":" in str(one["HostIp"]))
    return _bindings(bindings, view, shared)


def image(data: Mapping[str, Any]) -> ImageInfo:
    """An image from ``GET /images/NAME/json`` or one of ``GET /images/json``."""
    config = data.get("Config") or {}
    return ImageInfo(
        id=_image_id(data["Id"]),
        tags=tuple(tag for tag in data.get("RepoTags") or () if tag != "<none>:<none>"),
        size=int(data.get("Size") or 0),
        created=seconds(data.get("Created")) or 0.0,
        labels=dict(config.get("Labels") or data.get("Labels") or {}),
        entrypoint=_argv(config.get("Entrypoint")),
        command=_argv(config.get("Cmd")),
        env=tuple(config.get("Env") or ()),
        user=str(config.get("User") or ""),
        working_dir=str(config.get("WorkingDir") or ""),
    )


def _argv(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, list | tuple) else ()


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
