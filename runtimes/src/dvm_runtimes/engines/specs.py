"""Data between the rules and an engine: containers as they are, containers and commands as they are to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from dvm_runtimes.errors import EngineError
from dvm_runtimes.infos import HostPort, WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.options import Mount, Port
from dvm_runtimes.user.host_id import host_id
from dvm_runtimes.validation.naming import IMAGE, Identity


class Container(NamedTuple):
    """One container as the engine has it, ours or not.

    Attributes:
        id: the full ID.
        name: without a leading slash.
        status: see `WorkspaceStatus`; never ``not_found``.
        image: the name it was created from, as its creator wrote it where the engine keeps that.
        image_id: the ID of the image it runs; empty where a listing does not tell.
        labels: all of them.
        created, started: seconds since the epoch; ``started`` None when it never ran.
        finished: seconds since the epoch of its last end; None when it never ended, or the engine does not tell.
        exit_code: None while it runs or has never run.
        ports: ``"8080/tcp"`` to where this host reaches it.
        error: the engine's last words on why it would not start.
        health: ``healthy``, ``unhealthy``, ``starting``, or empty without a health check.
        health_output: what the last health check wrote, with its exit code; empty where a listing does not tell.
        user: as the engine writes it, ``"1000:1000"`` or a name; empty for the image's own.
    """

    id: str
    name: str
    status: WorkspaceStatus
    image: str
    image_id: str = ""
    labels: Mapping[str, str] = MappingProxyType({})
    created: float = 0.0
    started: float | None = None
    exit_code: int | None = None
    ports: Mapping[str, HostPort] = MappingProxyType({})
    error: str = ""
    health: str = ""
    health_output: str = ""
    finished: float | None = None
    user: str = ""

    def info(self, runtime: str) -> WorkspaceInfo:
        """This container as a workspace; its identity comes from its labels."""
        identity = Identity.of(self.labels)
        return WorkspaceInfo(
            id=self.id,
            name=self.name,
            status=self.status,
            image=self.labels.get(IMAGE) or self.image,
            app=identity.app,
            workspace=identity.workspace,
            ecosystem=identity.ecosystem,
            domain=identity.domain,
            system=identity.system,
            folder=identity.folder if identity.folder and identity.host == host_id() else "",
            labels=dict(self.labels),
            runtime=runtime,
            created=self.created,
            started=self.started,
            exit_code=self.exit_code,
            ports=dict(self.ports),
        )


KEEP_ALIVE = ("sleep", "infinity")
"""The default main process: it waits for ever; the init above it makes it end at once on SIGTERM."""

KEEP_ALIVE_AS_INIT = ("sh", "-c", "trap 'exit 143' TERM; while :; do sleep 86400 & wait $!; done")
"""The same without an init: PID 1 ignores a signal that it does not handle. The shell also reaps orphans."""


class MissingInitError(EngineError):
    """The engine has no init program; a container without one can still be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to be made: `StartOptions` with every default and rule applied.

    An engine turns this into its own request and adds nothing.
    """

    name: str
    image: str
    entrypoint: tuple[str, ...] | None
    """None keeps the image's; an empty tuple clears it."""
    command: tuple[str, ...] | None
    env: Mapping[str, str]
    labels: Mapping[str, str]
    working_dir: str
    user: str
    """``"uid:gid"``; empty for the image's own."""
    keep_id: bool = False
    """Rootless engines map the caller's uid to the same uid inside."""
    init: bool = True
    """PID 1 is an init that reaps children and passes signals on."""
    mounts: tuple[Mount, ...] = ()
    """Sources of binds are paths on the engine's host."""
    ports: tuple[Port, ...] = ()
    network_mode: str = ""
    network_aliases: tuple[str, ...] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    cpus: float | None = None
    memory: int | None = None
    shm_size: int | None = None
    pids_limit: int | None = None
    read_only_root: bool = False
    privileged: bool = False
    cap_drop: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    platform: str = ""

    def without_init(self) -> ContainerSpec:
        """The same container whose main process is PID 1."""
        keep_alive = self.entrypoint == KEEP_ALIVE
        return replace(self, init=False, entrypoint=KEEP_ALIVE_AS_INIT if keep_alive else self.entrypoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecSpec:
    """A command to be run inside a container.

    Attributes:
        command: its words.
        env: its variables, besides the container's.
        working_dir: empty for the container's.
        user: ``"uid:gid"``; empty for the container's.
        tty: it gets a terminal of ``size``; its two streams then arrive as one, `STDOUT`.
        stdin: it has a standard input that the session writes; without, it reads end of file.
        size: rows and columns.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    user: str = ""
    tty: bool = False
    stdin: bool = False
    size: tuple[int, int] = (24, 80)
