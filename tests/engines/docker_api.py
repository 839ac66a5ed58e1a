"""Starting an engine that speaks the Docker API at a Unix socket, whoever made it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from . import base_image
from .docker_outside import DockerOutside, PodmanOutside
from .http_over_socket import ask
from .keeping import Kept
from .registry import EngineKind, RunningEngine


def loopback_address() -> str:
    """An address of this machine that no other program uses, with every port free: ``"127.83.201.7"``."""
    return f"127.{secrets.randbelow(200) + 50}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"


def started(
    kind: EngineKind,
    kept: Kept,
    socket: Path,
    environment: Mapping[str, str],
    *,
    endpoint: str = "",
    host_folder: Path | None = None,
) -> RunningEngine:
    """Start what is kept, put the images on it and say what it is; nothing is left of it if that fails.

    Args:
        socket: where it answers the tests' own requests.
        environment: what a child process needs to find it.
        endpoint: where DVM is to find it, if that is not the socket.
        host_folder: as in `RunningEngine`.
    """
    try:
        pids = kept.start()
        base_image.load(str(socket))
        version = ask(str(socket), "GET", "/version")["Version"]
    except BaseException:
        kept.end()
        raise
    outside = PodmanOutside if kind.runtime == "podman" else DockerOutside
    return RunningEngine(
        kind,
        kept,
        endpoint=endpoint or f"unix://{socket}",
        version=version,
        outside=outside(str(socket)),
        pid=pids[0],
        environment=environment,
        host_folder=host_folder,
    )
