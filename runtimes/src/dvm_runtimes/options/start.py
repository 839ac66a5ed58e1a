"""`StartOptions`: how a workspace is started."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.validation.environment import check_env
from dvm_runtimes.validation.fields import (
    EMPTY,
    check_choice,
    check_container_path,
    check_instances,
    check_one_word,
    check_user_number,
    optional_words,
    set_field,
)
from dvm_runtimes.validation.naming import (
    Identity,
    check_container_name,
    check_image,
    check_labels,
    check_network_mode,
    check_part,
)
from dvm_runtimes.validation.quantities import check_cpus, parse_memory
from dvm_runtimes.validation.text import is_text

from .values import Mount, Port

if TYPE_CHECKING:
    from dvm_runtimes.waiting import WaitStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """How a workspace is started.

    Attributes:
        image_name: the image, as in ``"debian:12"``; needed.
        workspace_name: the logical name; this, ``container_name`` or ``folder`` is needed.
        folder: the folder of this machine whose workspace this is, which then identifies it: one folder has one
            workspace, whatever that is called. It is not mounted by this; see ``app_path``.
        app_name, ecosystem_name, domain_name, system_name: the rest of its identity.
        app_path: a folder of this machine, mounted read-write at ``working_dir``.
        container_name: wins over the derived name.
        working_dir: where commands run; default ``/workspace``.
        command: the main process; default keeps the workspace alive.
        entrypoint: replaces the image's; None keeps it, except under the default command.
        env, env_file: variables; ``env`` wins over the file.
        mounts, ports: see `Mount` and `Port`.
        network_mode: ``""`` (the engine's default), ``bridge``, ``none``, ``host`` or a network's name.
        network_aliases: what others on that network call it, besides its container's name; with a named network only.
        extra_hosts: host name to address, added to ``/etc/hosts``; ``host-gateway`` stands for the host.
        cpus: a share such as 1.5; None or 0 for no limit.
        memory, shm_size: bytes or ``"512m"``; None for the engine's default.
        pids_limit: processes and threads at most; default 4096, None for no limit.
        uid, gid: the user; default the caller's on engines of this host, 1000 on VMs.
        labels: the user's own; the prefix ``io.devopsmaestro.`` is refused.
        ssh_agent_forwarding: gives the workspace this user's SSH agent, not the keys.
        git_credentials: gives it the user's git configuration and known hosts, read-only.
        allow_home: allows to mount the home folder and others with keys in them, which are refused otherwise.
        read_only_root: the root file system cannot be written; ``/tmp`` is a tmpfs.
        cap_add: Linux capabilities besides the default few, as in ``("NET_RAW",)``.
        security_opt: as for ``docker run``, as in ``("seccomp=unconfined",)``.
        privileged: lifts every restriction; off by default.
        platform: as in ``"linux/arm64"``; empty for the engine's own.
        pull: ``missing`` pulls an image that is not there, ``always`` asks the registry first, ``never``.
        on_drift: when ours exists with other options or another image: ``recreate``, ``reuse`` or ``error``.
        ready: what to wait for before the start counts as done; see `dvm_runtimes.waiting`.
        owner: an opaque mark of who started it; ``dvm gc`` removes what dead owners left.
        ttl: seconds after which ``dvm gc`` may remove it; None for never.

    Raises:
        InvalidOptionError: naming the field and the value.
    """

    image_name: str
    workspace_name: str = ""
    folder: str | os.PathLike[str] | None = None
    app_name: str = ""
    app_path: str | os.PathLike[str] | None = None
    container_name: str = ""
    ecosystem_name: str = ""
    domain_name: str = ""
    system_name: str = ""
    working_dir: str = "/workspace"
    command: Sequence[str] | None = None
    entrypoint: Sequence[str] | None = None
    env: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)
    env_file: str | os.PathLike[str] | None = None
    mounts: Sequence[Mount] = ()
    ports: Sequence[Port] = ()
    network_mode: str = ""
    network_aliases: Sequence[str] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    cpus: float | None = None
    memory: str | int | None = None
    pids_limit: int | None = 4096
    shm_size: str | int | None = None
    uid: int | None = None
    gid: int | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    ssh_agent_forwarding: bool = False
    git_credentials: bool = False
    allow_home: bool = False
    read_only_root: bool = False
    cap_add: Sequence[str] = ()
    security_opt: Sequence[str] = ()
    privileged: bool = False
    platform: str = ""
    pull: Literal["missing", "always", "never"] = "missing"
    on_drift: Literal["recreate", "reuse", "error"] = "recreate"
    ready: WaitStrategy | None = None
    owner: str = ""
    ttl: float | None = None

    def __post_init__(self) -> None:
        check_image(self.image_name)
        for name in ("workspace_name", "app_name", "ecosystem_name", "domain_name", "system_name"):
            check_part(getattr(self, name), name)
        if self.folder is not None:
            set_field(self, "folder", FolderIdentity.of(self.folder).path)
        if self.container_name:
            check_container_name(self.container_name)
        elif not self.workspace_name and self.folder is None:
            raise InvalidOptionError("workspace_name", "", "a workspace needs a name", hint="Or set `container_name`.")
        check_container_path("working_dir", self.working_dir)
        set_field(self, "command", optional_words("command", self.command))
        set_field(self, "entrypoint", optional_words("entrypoint", self.entrypoint))
        if self.command is not None and not self.command:
            raise InvalidOptionError(
                "command", [], "must have at least one word", hint="Leave it out to keep the workspace alive."
            )
        check_env(self.env)
        set_field(self, "env", MappingProxyType(dict(self.env)))
        set_field(self, "mounts", check_instances("mounts", self.mounts, Mount))
        set_field(self, "ports", check_instances("ports", self.ports, Port))
        seen = [mount.destination.rstrip("/") for mount in self.mounts]
        if self.app_path is not None:
            seen.append(self.working_dir.rstrip("/"))
        for destination in seen:
            if seen.count(destination) > 1:
                raise InvalidOptionError("mounts.destination", destination, "is mounted twice")
        check_network_mode(self.network_mode)
        set_field(self, "network_aliases", optional_words("network_aliases", self.network_aliases))
        for alias in self.network_aliases:
            check_container_name(alias, "network_aliases")
        if self.network_aliases and self.network_mode in ("", "bridge", "none", "host"):
            raise InvalidOptionError(
                "network_aliases", self.network_aliases, "need `network_mode`, the name of a network"
            )
        set_field(self, "cpus", check_cpus(self.cpus))
        set_field(self, "memory", parse_memory(self.memory))
        set_field(self, "shm_size", parse_memory(self.shm_size, "shm_size", floor=1))
        if self.pids_limit is not None and (isinstance(self.pids_limit, bool) or not 1 <= self.pids_limit <= 2**31):
            raise InvalidOptionError("pids_limit", self.pids_limit, "must be a whole number of at least 1, or no limit")
        check_user_number("uid", self.uid)
        check_user_number("gid", self.gid)
        check_labels(self.labels)
        set_field(self, "labels", MappingProxyType(dict(self.labels)))
        set_field(self, "extra_hosts", MappingProxyType(dict(self.extra_hosts)))
        for host, address in self.extra_hosts.items():
            if not host or not address or not is_text(host + address) or any(b in host + address for b in " \t\n"):
                raise InvalidOptionError("extra_hosts", f"{host}:{address}", "write a host name and its address")
        for name in ("cap_add", "security_opt"):
            set_field(self, name, optional_words(name, getattr(self, name)))
        check_one_word("platform", self.platform)
        check_choice("pull", self.pull, ("missing", "always", "never"))
        check_choice("on_drift", self.on_drift, ("recreate", "reuse", "error"))
        check_part(self.owner, "owner")
        if self.ready is not None:
            # By its methods: importing the strategies takes longer than checking all the rest.
            if not hasattr(self.ready, "check_ports"):
                raise InvalidOptionError("ready", self.ready, "must be one wait strategy, such as TcpPort(80)")
            self.ready.check_ports([port.key for port in self.ports])
        if self.ttl is not None and not self.ttl > 0:
            raise InvalidOptionError("ttl", self.ttl, "must be a positive number of seconds")

    @property
    def identity(self) -> Identity:
        """Which workspace this is; its name is by default that of its folder or container."""
        folder = None if self.folder is None else FolderIdentity.of(self.folder)
        return Identity(
            app=self.app_name,
            workspace=self.workspace_name or (folder.workspace_name if folder is not None else self.container_name),
            ecosystem=self.ecosystem_name,
            domain=self.domain_name,
            system=self.system_name,
            folder="" if folder is None else folder.path,
            host="" if folder is None else folder.host,
        )

    @property
    def name(self) -> str:
        """The container's name, ``container_name``, else the one derived from the identity."""
        return self.container_name or self.identity.container_name()
