"""What callers ask for: frozen options, checked when they are made.

Every value that no engine could take raises `InvalidOptionError` here, before
any engine is called. What needs a look at this machine's files (mount
sources, env files) is checked when the option is used, still before that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from dvm_runtimes.validation.environment import check_env
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

from .errors import InvalidOptionError

if TYPE_CHECKING:
    from .waiting import WaitStrategy

_EMPTY: Mapping[str, str] = MappingProxyType({})


def _set(instance: object, name: str, value: object) -> None:
    object.__setattr__(instance, name, value)


def _choice(field_name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidOptionError(field_name, value, "must be one of " + ", ".join(choices))


def check_words(field_name: str, value: Sequence[str]) -> tuple[str, ...]:
    """A command as a tuple of words; a plain string is refused, since no shell splits it.

    Raises:
        InvalidOptionError: naming the field.
    """
    if isinstance(value, str | bytes):
        raise InvalidOptionError(field_name, value, 'give a list of words, such as ["sh", "-c", "make test"]')
    words = tuple(value)
    for word in words:
        if not is_text(word):
            raise InvalidOptionError(field_name, word, "every word must be a string of valid Unicode without NUL")
    return words


def _words(field_name: str, value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else check_words(field_name, value)


def _one_word(field_name: str, value: str) -> None:
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise InvalidOptionError(field_name, value, "must be one word")


def _container_path(field_name: str, value: str) -> str:
    if not is_text(value) or not value.startswith("/") or "\n" in value:
        raise InvalidOptionError(field_name, value, "must be an absolute path in the container")
    if len(value) > 4096:
        raise InvalidOptionError(field_name, value, "longer than 4096 characters")
    return value


def _user(field_name: str, value: int | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise InvalidOptionError(field_name, value, "must be a whole number from 0 to 2147483647")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a workspace.

    Attributes:
        source: a host path (bind), a volume's name (volume), or empty (tmpfs).
        destination: an absolute path in the container, not ``/``.
        type: ``"bind"``, ``"volume"`` or ``"tmpfs"``.
        read_only: the container may not write to it.

    >>> Mount("/home/ada/shop", "/workspace").type
    'bind'
    """

    source: str = ""
    destination: str = ""
    type: Literal["bind", "volume", "tmpfs"] = "bind"
    read_only: bool = False

    def __post_init__(self) -> None:
        _choice("mounts.type", self.type, ("bind", "volume", "tmpfs"))
        _set(self, "source", os.fspath(self.source))
        _container_path("mounts.destination", self.destination)
        if os.path.normpath(self.destination) == "/":
            raise InvalidOptionError(
                "mounts.destination", self.destination, "the container's root cannot be mounted over"
            )
        if self.type == "tmpfs" and self.source:
            raise InvalidOptionError("mounts.source", self.source, "a tmpfs has no source")
        if self.type == "volume":
            if not self.source:
                raise InvalidOptionError("mounts.source", self.source, "a volume's name is needed")
            check_container_name(self.source, "mounts.source")
        if self.type == "bind" and not self.source.strip():
            raise InvalidOptionError("mounts.source", self.source, "a path on this machine is needed")


@dataclass(frozen=True, slots=True)
class Port:
    """One published port.

    Attributes:
        container: the port inside, 1 to 65535.
        host: the port on the host; None lets the engine choose a free one.
        host_ip: the host address; loopback by default, so that nobody else reaches it.
        protocol: ``"tcp"`` or ``"udp"``.
    """

    container: int
    host: int | None = None
    host_ip: str = "127.0.0.1"
    protocol: Literal["tcp", "udp"] = "tcp"

    def __post_init__(self) -> None:
        for name, value in (("ports.container", self.container), ("ports.host", self.host)):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
                raise InvalidOptionError(name, value, "must be a port from 1 to 65535")
        _choice("ports.protocol", self.protocol, ("tcp", "udp"))
        import ipaddress

        try:
            ipaddress.ip_address(self.host_ip)
        except ValueError:
            raise InvalidOptionError("ports.host_ip", self.host_ip, "must be an IP address") from None

    @property
    def key(self) -> str:
        """The port as engines write it, as in ``"8080/tcp"``."""
        return f"{self.container}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """How a workspace is started.

    Attributes:
        image_name: the image, as in ``"debian:12"``; needed.
        workspace_name: the logical name; this or ``container_name`` is needed.
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
    app_name: str = ""
    app_path: str | os.PathLike[str] | None = None
    container_name: str = ""
    ecosystem_name: str = ""
    domain_name: str = ""
    system_name: str = ""
    working_dir: str = "/workspace"
    command: Sequence[str] | None = None
    entrypoint: Sequence[str] | None = None
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY, repr=False)
    env_file: str | os.PathLike[str] | None = None
    mounts: Sequence[Mount] = ()
    ports: Sequence[Port] = ()
    network_mode: str = ""
    network_aliases: Sequence[str] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    cpus: float | None = None
    memory: str | int | None = None
    pids_limit: int | None = 4096
    shm_size: str | int | None = None
    uid: int | None = None
    gid: int | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    ssh_agent_forwarding: bool = False
    git_credentials: bool = False
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
        if self.container_name:
            check_container_name(self.container_name)
        elif not self.workspace_name:
            raise InvalidOptionError("workspace_name", "", "a workspace needs a name", hint="Or set `container_name`.")
        _container_path("working_dir", self.working_dir)
        _set(self, "command", _words("command", self.command))
        _set(self, "entrypoint", _words("entrypoint", self.entrypoint))
        if self.command is not None and not self.command:
            raise InvalidOptionError(
                "command", [], "must have at least one word", hint="Leave it out to keep the workspace alive."
            )
        check_env(self.env)
        _set(self, "env", MappingProxyType(dict(self.env)))
        _set(self, "mounts", _typed("mounts", self.mounts, Mount))
        _set(self, "ports", _typed("ports", self.ports, Port))
        seen = [mount.destination.rstrip("/") for mount in self.mounts]
        if self.app_path is not None:
            seen.append(self.working_dir.rstrip("/"))
        for destination in seen:
            if seen.count(destination) > 1:
                raise InvalidOptionError("mounts.destination", destination, "is mounted twice")
        check_network_mode(self.network_mode)
        _set(self, "network_aliases", _words("network_aliases", self.network_aliases))
        for alias in self.network_aliases:
            check_container_name(alias, "network_aliases")
        if self.network_aliases and self.network_mode in ("", "bridge", "none", "host"):
            raise InvalidOptionError(
                "network_aliases", self.network_aliases, "need `network_mode`, the name of a network"
            )
        _set(self, "cpus", check_cpus(self.cpus))
        _set(self, "memory", parse_memory(self.memory))
        _set(self, "shm_size", parse_memory(self.shm_size, "shm_size", floor=1))
        if self.pids_limit is not None and (isinstance(self.pids_limit, bool) or not 1 <= self.pids_limit <= 2**31):
            raise InvalidOptionError("pids_limit", self.pids_limit, "must be a whole number of at least 1, or no limit")
        _user("uid", self.uid)
        _user("gid", self.gid)
        check_labels(self.labels)
        _set(self, "labels", MappingProxyType(dict(self.labels)))
        _set(self, "extra_hosts", MappingProxyType(dict(self.extra_hosts)))
        for host, address in self.extra_hosts.items():
            if not host or not address or not is_text(host + address) or any(b in host + address for b in " \t\n"):
                raise InvalidOptionError("extra_hosts", f"{host}:{address}", "write a host name and its address")
        for name in ("cap_add", "security_opt"):
            _set(self, name, _words(name, getattr(self, name)))
        _one_word("platform", self.platform)
        _choice("pull", self.pull, ("missing", "always", "never"))
        _choice("on_drift", self.on_drift, ("recreate", "reuse", "error"))
        check_part(self.owner, "owner")
        if self.ttl is not None and not self.ttl > 0:
            raise InvalidOptionError("ttl", self.ttl, "must be a positive number of seconds")

    @property
    def identity(self) -> Identity:
        """Which workspace this is; a lone ``container_name`` is the workspace's name too."""
        return Identity(
            app=self.app_name,
            workspace=self.workspace_name or self.container_name,
            ecosystem=self.ecosystem_name,
            domain=self.domain_name,
            system=self.system_name,
        )

    @property
    def name(self) -> str:
        """The container's name: ``container_name``, else the one derived from the identity."""
        return self.container_name or self.identity.container_name()


def _typed(name: str, values: Sequence[Any], kind: type) -> tuple[Any, ...]:
    for index, value in enumerate(values):
        if not isinstance(value, kind):
            raise InvalidOptionError(f"{name}[{index}]", value, f"must be a {kind.__name__}")
    return tuple(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How an image is built.

    Attributes:
        image_name: the image's first name; needed.
        app_path: the project; the default build context.
        app_name: written to the image's labels.
        dockerfile: default ``Dockerfile`` of the context; may lie outside it.
        build_context: the folder whose files the build sees; ``.dockerignore`` is honoured.
        tags: further names.
        build_args: values for ``ARG``; never shown in errors.
        target: the stage to stop at.
        no_cache: every step is run anew.
        pull: base images are asked for in the registry even if they are here.
        platform: as in ``"linux/arm64"``; empty for the engine's own.
        secrets: ID to file, for ``RUN --mount=type=secret``.
        ssh: agents for ``RUN --mount=type=ssh``, as in ``("default",)``.

    Raises:
        InvalidOptionError: naming the field and the value.
    """

    image_name: str
    app_path: str | os.PathLike[str] | None = None
    app_name: str = ""
    dockerfile: str | os.PathLike[str] | None = None
    build_context: str | os.PathLike[str] | None = None
    tags: Sequence[str] = ()
    build_args: Mapping[str, str] = field(default_factory=lambda: _EMPTY, repr=False)
    target: str = ""
    no_cache: bool = False
    pull: bool = False
    platform: str = ""
    secrets: Mapping[str, str | os.PathLike[str]] = field(default_factory=lambda: _EMPTY)
    ssh: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_image(self.image_name)
        check_part(self.app_name, "app_name")
        _set(self, "tags", _words("tags", self.tags))
        for tag in self.tags:
            check_image(tag, "tags")
        check_env_like(self.build_args, "build_args")
        _set(self, "build_args", MappingProxyType(dict(self.build_args)))
        _set(self, "secrets", MappingProxyType(dict(self.secrets)))
        _set(self, "ssh", _words("ssh", self.ssh))
        _one_word("platform", self.platform)
        _one_word("target", self.target)
        if self.app_path is None and self.build_context is None:
            raise InvalidOptionError("app_path", None, "the folder to build is needed", hint="Or set `build_context`.")


def check_env_like(values: Mapping[str, str], field_name: str) -> None:
    """Refuse build arguments without a name or with a value that is no string; values are not shown."""
    for key, value in values.items():
        if not isinstance(key, str) or not key or "=" in key or not key.isprintable():
            raise InvalidOptionError(field_name, key, "a name is one word without '='")
        if not is_text(value):
            raise InvalidOptionError(
                f"{field_name}[{key!r}]", "...", "the value must be a string of valid Unicode without NUL"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOptions:
    """How a shell is opened inside a workspace.

    Attributes:
        shell: the shell to use; None takes ``/bin/zsh``, else bash, else sh, whichever is there.
            A shell that is named but missing falls back in the same order.
        login_shell: read the login profile; default True.
        env: variables of this session only.
        uid, gid: default the workspace's own user.
        working_dir: default the workspace's.
        command: run this instead of a shell.
        tty: whether `attach_to_workspace` gives it a terminal; None does so if it has one itself.
    """

    shell: str | None = None
    login_shell: bool = True
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY, repr=False)
    uid: int | None = None
    gid: int | None = None
    working_dir: str | None = None
    command: Sequence[str] | None = None
    tty: bool | None = None

    def __post_init__(self) -> None:
        check_env(self.env)
        _set(self, "env", MappingProxyType(dict(self.env)))
        _user("uid", self.uid)
        _user("gid", self.gid)
        if self.working_dir is not None:
            _container_path("working_dir", self.working_dir)
        if self.shell is not None and not is_text(self.shell):
            raise InvalidOptionError("shell", self.shell, "must be a program's name or path")
        _set(self, "command", _words("command", self.command))
        if self.command is not None and not self.command:
            raise InvalidOptionError("command", [], "must have at least one word")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecOptions:
    """How a command is run in a workspace.

    Attributes:
        input: bytes for its standard input, which then ends; None gives it an empty one.
        env: variables of this command only.
        working_dir: default the workspace's.
        uid, gid: default the workspace's own user. Some engines (Docker) give root the rights of root only in a
            workspace that was started as root.
        on_stdout, on_stderr: called with each piece of output as it comes, from the
            thread that called ``exec_in_workspace``; what they are given is not collected.
    """

    input: bytes | None = None
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY, repr=False)
    working_dir: str | None = None
    uid: int | None = None
    gid: int | None = None
    on_stdout: Callable[[bytes], object] | None = None
    on_stderr: Callable[[bytes], object] | None = None

    def __post_init__(self) -> None:
        if self.input is not None and not isinstance(self.input, bytes | bytearray | memoryview):
            raise InvalidOptionError("input", type(self.input).__name__, "must be bytes")
        check_env(self.env)
        _set(self, "env", MappingProxyType(dict(self.env)))
        _user("uid", self.uid)
        _user("gid", self.gid)
        if self.working_dir is not None:
            _container_path("working_dir", self.working_dir)
