"""The words of each nerdctl command. Pure: specs in, words out; no value is ever read by a shell."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from dvm_runtimes.engines.base import ContainerSpec, ExecSpec
from dvm_runtimes.options import BuildOptions, Mount, Port

from .records import without_empty

EVERYTHING = "{{json .}}"

LONGEST_WORD = 131_071
"""Bytes that Linux takes as one word of a command (MAX_ARG_STRLEN, without the NUL)."""


def create(spec: ContainerSpec, *, init: str, image_command: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The words of ``nerdctl create`` before its ``--env-file``, and those after it.

    Args:
        spec: what to make.
        init: the program that runs as PID 1, as in ``"tini-static"``; empty for none.
        image_command: the image's own command, for a spec that clears the entrypoint and names no command.
    """
    words = ["create", "--name", spec.name, "--pull", "never", "--workdir", spec.working_dir]
    words += _pairs("--label", (f"{key}={value}" for key, value in without_empty(spec.labels).items()))
    if spec.user:
        words += ["--user", spec.user]
    if init:
        words += ["--init", "--init-binary", init]
    words += _pairs("--mount", map(mount, spec.mounts))
    if spec.read_only_root:
        words += ["--read-only"]
        if all(one.destination.rstrip("/") != "/tmp" for one in spec.mounts):  # noqa: S108 - inside the container
            words += ["--tmpfs", "/tmp:mode=1777"]  # noqa: S108
    words += _pairs("--publish", map(port, spec.ports))
    if spec.network_mode:
        words += ["--network", spec.network_mode]
    words += _pairs("--add-host", (f"{host}:{address}" for host, address in spec.extra_hosts.items()))
    words += _limits(spec)
    if spec.privileged:
        words += ["--privileged"]
    words += _pairs("--cap-drop", spec.cap_drop)
    words += _pairs("--cap-add", spec.cap_add)
    words += _pairs("--security-opt", spec.security_opt)
    if spec.platform:
        words += ["--platform", spec.platform]
    command = tuple(spec.command or ())
    if spec.entrypoint is not None:
        # nerdctl has no way to clear an entrypoint but to give another: the first word of what shall run.
        whole = (*spec.entrypoint, *(command or (image_command if not spec.entrypoint else ())))
        words += ["--entrypoint", whole[0]] if whole else []
        command = whole[1:]
    return words, [spec.image, *command]


def _limits(spec: ContainerSpec) -> list[str]:
    words = []
    if spec.cpus is not None:
        words += ["--cpus", f"{spec.cpus:g}"]
    if spec.memory is not None:
        words += ["--memory", str(spec.memory)]
    if spec.shm_size is not None:
        words += ["--shm-size", str(spec.shm_size)]
    if spec.pids_limit is not None:
        words += ["--pids-limit", str(spec.pids_limit)]
    return words


def mount(one: Mount) -> str:
    """The value of ``--mount``; see `unmountable` for what it cannot say.

    >>> mount(Mount("/home/ada/shop", "/workspace", read_only=True))
    'type=bind,source=/home/ada/shop,target=/workspace,readonly'
    """
    fields = [f"type={one.type}", *([f"source={one.source}"] if one.source else []), f"target={one.destination}"]
    return ",".join([*fields, "readonly"] if one.read_only else fields)


def unmountable(mounts: Iterable[Mount]) -> str:
    """The first path that nerdctl has no way to mount; empty if there is none.

    It splits the value of ``--mount`` at commas, and puts it together again with colons.
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
    """The words of ``nerdctl exec`` before its ``--env-file``, and those after it."""
    words = ["exec"]
    if spec.tty:
        words += ["--tty", "--interactive"]
    elif spec.stdin:
        words += ["--interactive"]
    if spec.user:
        words += ["--user", spec.user]
    if spec.working_dir:
        words += ["--workdir", spec.working_dir]
    return words, [container, *spec.command]


def too_long(words: Iterable[str]) -> bool:
    """Whether one of a command's words is longer than any Linux takes.

    >>> too_long(["printf", "x" * 131_072])
    True
    """
    return any(len(os.fsencode(word)) > LONGEST_WORD for word in words)


def build(options: BuildOptions, labels: Mapping[str, str], *, dockerfile: str, context: str) -> list[str]:
    """The words of ``nerdctl build``, without those of secrets.

    Args:
        dockerfile, context: paths where nerdctl runs.
    """
    words = ["build", "--progress", "plain", "--file", dockerfile]
    words += _pairs("--tag", dict.fromkeys((options.image_name, *options.tags)))
    words += _pairs("--label", (f"{key}={value}" for key, value in labels.items()))
    words += _pairs("--build-arg", (f"{key}={value}" for key, value in options.build_args.items()))
    if options.target:
        words += ["--target", options.target]
    if options.no_cache:
        words += ["--no-cache"]
    if options.pull:
        words += ["--pull"]
    if options.platform:
        words += ["--platform", options.platform]
    return [*words, *_pairs("--ssh", options.ssh), context]


def _pairs(flag: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]
