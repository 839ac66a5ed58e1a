"""The arguments of each nerdctl command, and environment variables on their way into a container.

Pure: specs in, arguments out. No value is read by a shell, and no variable is in a process list.

nerdctl reads ``--env-file`` line by line and strips blanks at both ends of each line (``parseEnvVars`` in its
``pkg/flagutil``). A variable that this would change goes through nerdctl's own environment instead, with ``--env
NAME``: only nerdctl's user can read it there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dvm_runtimes.engines.base import ContainerSpec, ExecSpec
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.options import BuildOptions, Mount, Port

from .json_output import without_empty

EVERYTHING = "{{json .}}"

LONGEST_ARGUMENT = 131_071
"""Bytes of one argument on Linux (MAX_ARG_STRLEN without the NUL)."""


def create(spec: ContainerSpec, *, init: str, image_command: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The arguments of ``nerdctl create`` before its ``--env-file``, and those after it.

    Args:
        spec: the container.
        init: the program that runs as PID 1, as in ``"tini-static"``; empty for none.
        image_command: the image's own command, for a spec that clears the entrypoint and names no command.
    """
    args = ["create", "--name", spec.name, "--pull", "never", "--workdir", spec.working_dir]
    args += _pairs("--label", (f"{key}={value}" for key, value in without_empty(spec.labels).items()))
    if spec.user:
        args += ["--user", spec.user]
    if init:
        args += ["--init", "--init-binary", init]
    args += _pairs("--mount", map(mount, spec.mounts))
    if spec.read_only_root:
        args += ["--read-only"]
        if all(one.destination.rstrip("/") != "/tmp" for one in spec.mounts):  # noqa: S108 - inside the container
            args += ["--tmpfs", "/tmp:mode=1777"]  # noqa: S108
    args += _pairs("--publish", map(port, spec.ports))
    if spec.network_mode:
        args += ["--network", spec.network_mode]
    args += _pairs("--add-host", (f"{host}:{address}" for host, address in spec.extra_hosts.items()))
    args += _limits(spec)
    if spec.privileged:
        args += ["--privileged"]
    args += _pairs("--cap-drop", spec.cap_drop)
    args += _pairs("--cap-add", spec.cap_add)
    args += _pairs("--security-opt", spec.security_opt)
    if spec.platform:
        args += ["--platform", spec.platform]
    command = tuple(spec.command or ())
    if spec.entrypoint is not None:
        # nerdctl cannot clear an entrypoint, only replace it: the first argument of the command takes its place.
        whole = (*spec.entrypoint, *(command or (image_command if not spec.entrypoint else ())))
        args += ["--entrypoint", whole[0]] if whole else []
        command = whole[1:]
    return args, [spec.image, *command]


def _limits(spec: ContainerSpec) -> list[str]:
    args = []
    if spec.cpus is not None:
        args += ["--cpus", f"{spec.cpus:g}"]
    if spec.memory is not None:
        args += ["--memory", str(spec.memory)]
    if spec.shm_size is not None:
        args += ["--shm-size", str(spec.shm_size)]
    if spec.pids_limit is not None:
        args += ["--pids-limit", str(spec.pids_limit)]
    return args


def mount(one: Mount) -> str:
    """The value of ``--mount``; see `unmountable` for paths that it cannot express.

    >>> mount(Mount("/home/ada/shop", "/workspace", read_only=True))
    'type=bind,source=/home/ada/shop,target=/workspace,readonly'
    """
    fields = [f"type={one.type}", *([f"source={one.source}"] if one.source else []), f"target={one.destination}"]
    return ",".join([*fields, "readonly"] if one.read_only else fields)


def unmountable(mounts: Iterable[Mount]) -> str:
    """The first path that nerdctl cannot mount; empty if there is none.

    nerdctl splits the value of ``--mount`` at commas, then joins its parts with colons.
    """
    paths = (path for one in mounts for path in (one.source, one.destination))
    return next((path for path in paths if "," in path or ":" in path), "")


def port(one: Port) -> str:
    """The value of ``--publish``; without a host port, nerdctl chooses a free one.

    >>> port(Port(8080, host=18080)), port(Port(53, protocol="udp", host_ip="::1"))
    ('127.0.0.1:18080:8080/tcp', '[::1]::53/udp')
    """
    address = f"[{one.host_ip}]" if ":" in one.host_ip else one.host_ip
    return f"{address}:{one.host or ''}:{one.container}/{one.protocol}"


def exec_(container: str, spec: ExecSpec) -> tuple[list[str], list[str]]:
    """The arguments of ``nerdctl exec`` before its ``--env-file``, and those after it."""
    args = ["exec"]
    if spec.tty:
        args += ["--tty", "--interactive"]
    elif spec.stdin:
        args += ["--interactive"]
    if spec.user:
        args += ["--user", spec.user]
    if spec.working_dir:
        args += ["--workdir", spec.working_dir]
    return args, [container, *spec.command]


def too_long(command: Iterable[str]) -> bool:
    """Whether an argument of the command is longer than Linux accepts.

    >>> too_long(["printf", "x" * 131_072])
    True
    """
    return any(len(os.fsencode(word)) > LONGEST_ARGUMENT for word in command)


def build(
    options: BuildOptions,
    labels: Mapping[str, str],
    *,
    dockerfile: str,
    context: str,
    images: Mapping[str, str] | None = None,
) -> list[str]:
    """The arguments of ``nerdctl build``, without those of secrets.

    Args:
        dockerfile, context: paths where nerdctl runs.
        images: each image of the Dockerfile that BuildKit has under another name, and that name.
    """
    args = ["build", "--progress", "plain", "--file", dockerfile]
    args += _pairs("--tag", dict.fromkeys((options.image_name, *options.tags)))
    args += _pairs("--label", (f"{key}={value}" for key, value in labels.items()))
    args += _pairs("--build-arg", (f"{key}={value}" for key, value in options.build_args.items()))
    if options.target:
        args += ["--target", options.target]
    if options.no_cache:
        args += ["--no-cache"]
    # Without the flag BuildKit asks the registry first, also for an image that it has.
    args += ["--pull"] if options.pull else ["--pull=false"]
    args += _pairs("--build-context", (f"{name}=docker-image://{other}" for name, other in (images or {}).items()))
    if options.platform:
        args += ["--platform", options.platform]
    return [*args, *_pairs("--ssh", options.ssh), context]


def _pairs(flag: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


LONGEST_LINE = 60_000
"""Bytes of one line that nerdctl's scanner of the file accepts."""

LONGEST_VALUE = 128 * 1024 - 1
"""Bytes of one ``NAME=VALUE`` on Linux (MAX_ARG_STRLEN without the NUL)."""

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Variables that would change how nerdctl, the shell and the loader before it work.
_RESERVED = re.compile(
    r"PATH|HOME|IFS|ENV|BASH_.*|LD_.*|TAR|TERM|TMPDIR|USER|SHELL|PS4|GO.*|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy"
    r"|(NERDCTL|CONTAINERD|BUILDKIT|BUILDCTL|ROOTLESSKIT|DOCKER|CNI|XDG|DBUS|SSH|SSL|SUDO|DVM|IPFS|OTEL)_.*|NETCONFPATH",
)


@dataclass(frozen=True, slots=True)
class ContainerEnv:
    """Environment variables of a container, split by the way nerdctl receives them.

    Attributes:
        file: the content of an ``--env-file``; empty for none.
        inherited: variables of nerdctl's own process, each named with ``--env NAME``.
    """

    file: bytes = b""
    inherited: Mapping[str, str] = field(default_factory=dict)

    def flags(self) -> list[str]:
        """The ``--env`` flags for the inherited variables."""
        return [word for name in self.inherited for word in ("--env", name)]


def container_env(env: Mapping[str, str], field_name: str = "env") -> ContainerEnv:
    """``env`` as nerdctl receives it.

    Raises:
        InvalidOptionError: neither way can carry a value unchanged; the error names the variable only.
    """
    lines = []
    inherited = {}
    for name, value in env.items():
        line = f"{name}={value}"
        size = len(line.encode(errors="surrogateescape"))
        if size > LONGEST_VALUE:
            raise InvalidOptionError(
                f"{field_name}[{name!r}]", "...", f"{size} bytes; Linux passes at most {LONGEST_VALUE} to a process"
            )
        if _survives(line) and size <= LONGEST_LINE:
            lines.append(line)
        elif _SHELL_NAME.fullmatch(name) and not _RESERVED.fullmatch(name):
            inherited[name] = value
        else:
            raise InvalidOptionError(
                f"{field_name}[{name!r}]",
                "...",
                "a variable of this name cannot hold line breaks, blanks at its end or more than 60 kB on containerd",
            )
    return ContainerEnv("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"), inherited)


def _survives(line: str) -> bool:
    return "\n" not in line and line == line.strip() and not line.startswith("#") and "\r" not in line
