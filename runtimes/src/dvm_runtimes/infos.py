"""What the runtimes answer: frozen data, the same from every engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class WorkspaceStatus(StrEnum):
    """The state of a workspace, in one vocabulary for every engine."""

    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    CREATED = "created"
    EXITED = "exited"
    DEAD = "dead"
    REMOVING = "removing"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where a container's port is reached from this host.

    Attributes:
        host: an address that this host can connect to, as in ``"127.0.0.1"``.
        port: the port on that address.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class WorkspaceInfo:
    """One workspace as the engine has it.

    Attributes:
        id: the engine's full ID.
        name: the container's name.
        status: its state.
        image: the image name it was started from.
        app, workspace, ecosystem, domain, system: its identity, read from labels.
        folder: the folder of this host whose workspace it is; empty if it is no folder's, or another host's.
        labels: every label on the container.
        runtime: the runtime's name, as in ``"docker"``.
        created: seconds since the epoch; 0.0 when unknown.
        started: seconds since the epoch; None when it never ran.
        exit_code: of the main process; None while it runs or has never run.
        ports: ``"8080/tcp"`` to where it is reached from this host.
    """

    id: str
    name: str
    status: WorkspaceStatus
    image: str
    app: str = ""
    workspace: str = ""
    ecosystem: str = ""
    domain: str = ""
    system: str = ""
    folder: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    runtime: str = ""
    created: float = 0.0
    started: float | None = None
    exit_code: int | None = None
    ports: Mapping[str, HostPort] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data, with the names of the attributes."""
        data = asdict(self)
        data["status"] = str(self.status)
        return data


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image on the engine.

    Attributes:
        id: the engine's full ID, as in ``"sha256:..."``.
        tags: its names, as in ``("lab/app:1",)``; a local image's name is given as the user wrote it.
        size: bytes; 0 when unknown.
        created: seconds since the epoch; 0.0 when unknown.
        labels: the image's labels.
        entrypoint, command, env, user, working_dir: its configuration.
    """

    id: str
    tags: tuple[str, ...] = ()
    size: int = 0
    created: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data, with the names of the attributes."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command gave: its own exit code, and its two streams apart.

    A command that a signal ended has 128 plus the signal's number.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class StopAllResult:
    """What `stop_all_workspaces` did.

    Attributes:
        stopped: container names that were running and are stopped now.
        failed: container name to the readable reason why it could not be stopped.
    """

    stopped: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data, with the names of the attributes."""
        return {"stopped": list(self.stopped), "failed": dict(self.failed)}


class EventKind(StrEnum):
    """What happened to a workspace, whoever did it."""

    CREATED = "created"
    STARTED = "started"
    STOPPED = "stopped"
    """Its main process ended, by itself or from outside; ``workspace.exit_code`` tells how."""
    PAUSED = "paused"
    RESUMED = "resumed"
    RENAMED = "renamed"
    HEALTH = "health"
    """Its health check changed its mind."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class WorkspaceEvent:
    """One change of a workspace.

    Attributes:
        kind: what happened.
        workspace: the workspace after it; status ``not_found`` once it is removed.
        time: seconds since the epoch, by the engine's clock where it gives one.
    """

    kind: EventKind
    workspace: WorkspaceInfo
    time: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data, with the names of the attributes."""
        return {"kind": str(self.kind), "workspace": self.workspace.to_dict(), "time": self.time}


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One step of long work: a build step, a layer, a stage of a start.

    Attributes:
        step: the step's name, as in ``"Step 2/4 : RUN make"`` or ``"Pulling layer 3f4a"``.
        current: how much of it is done, in ``total``'s unit; None when unknown.
        total: the whole; None when unknown.
        message: a line of the step's output, without its newline; may be empty.
    """

    step: str
    current: int | None = None
    total: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, so that callers need not try and fail.

    Everything is True unless an engine says otherwise; ``reasons`` has its
    explanation for each False.
    """

    build: bool = True
    pull: bool = True
    bind_mounts: bool = True
    named_volumes: bool = True
    tmpfs: bool = True
    ports: bool = True
    host_network: bool = True
    network_modes: bool = True
    extra_hosts: bool = True
    resource_limits: bool = True
    read_only_root: bool = True
    capabilities: bool = True
    """Linux capabilities can be added and dropped."""
    user: bool = True
    """A container can run as any uid and gid."""
    terminal: bool = True
    copy: bool = True
    events: bool = True
    pause: bool = True
    rename: bool = True
    health_checks: bool = True
    platforms: bool = True
    """An image of another CPU architecture can be asked for."""
    binary_logs: bool = True
    """Logs keep bytes that are no UTF-8 text; without, each becomes U+FFFD."""
    ssh_agent: bool = True
    init: bool = True
    """PID 1 of a workspace is an init program; without, its main process is PID 1. Known once a start has tried."""
    reasons: Mapping[str, str] = field(default_factory=dict)

    def why_not(self, name: str) -> str:
        """The reason why the capability is missing; empty when it is there."""
        if getattr(self, name):
            return ""
        return self.reasons.get(name, f"this engine has no {name.replace('_', ' ')}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data: each capability's name and True, or the reason why not."""
        names = [name for name in self.__dataclass_fields__ if name != "reasons"]
        return {name: self.why_not(name) or True for name in names}


@dataclass(frozen=True, slots=True)
class Platform:
    """A product found on this machine.

    Attributes:
        type: the public runtime name that drives it, as in ``"docker"`` or ``"colima"``.
        name: what people call it, as in ``"Docker Desktop"`` or ``"Colima (profile: work)"``.
        endpoint: where it listens, as in ``"unix:///var/run/docker.sock"``.
        profile: the profile or context; empty when there is only one.
        reachable: whether it answered just now.
        version: what it said of itself; empty when it did not answer.
        active: whether it is the one that would be used now.
        hint: what to do to make it usable; empty when it is.
        problem: why it is not reachable; empty when it is.
        rank: the place in the order of ``auto``; the lowest reachable one is chosen.
        selector: what to give ``create_runtime`` for just this one, as in ``"colima:work"``.
    """

    type: str
    name: str
    endpoint: str
    profile: str = ""
    reachable: bool = False
    version: str = ""
    active: bool = False
    hint: str = ""
    problem: str = ""
    rank: int = 1000
    selector: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data, with the names of the attributes."""
        data = asdict(self)
        del data["rank"]
        return data
