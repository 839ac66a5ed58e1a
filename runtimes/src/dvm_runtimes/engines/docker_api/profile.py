"""What one product over the Docker API is called, where it runs and what to tell its users.

A platform's file makes a `DockerProfile`; the code that drives the API asks
it and never asks which product it talks to.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

Place = Literal["here", "vm", "remote"]


class Hints(NamedTuple):
    """What to do next, on one platform, when something is wrong. Whole sentences.

    Attributes:
        start: the engine is not there or does not answer.
        permission: the user may not use its socket.
        disk: its disk is full.
        bind: its host does not have the path that should be mounted.
        init: it has no init to run as PID 1.
        login: the registry wants to know who asks.
        build: what to do for builds that its builder cannot do.
    """

    start: str = "Start it with `sudo systemctl start docker`."
    permission: str = "Add yourself to the docker group: `sudo usermod -aG docker $USER`, then log in again."
    disk: str = "Free space on the engine's disk, for instance with `docker system prune`."
    bind: str = "Give a path that exists on the machine where the engine runs."
    init: str = "Install the engine's init (docker-init, or the package `tini`) on its host."
    login: str = "Log in with `docker login`, or check the name."
    build: str = "Install `docker buildx`, or write the Dockerfile without it."


class DockerProfile(NamedTuple):
    """One product that speaks the Docker API.

    Attributes:
        platform_type: the public runtime name, as in ``"docker"`` or ``"orbstack"``.
        platform_name: what people call it, as in ``"Docker Desktop"``.
        place: ``"here"`` when its containers are processes of this machine's kernel; ``"vm"`` when they run in a
            virtual machine that shares folders at the same paths and forwards published ports to loopback;
            ``"remote"`` when they run on another machine.
        hints: see `Hints`.
        user: uid and gid of a workspace that asks for none; None for the calling user here, else 1000:1000.
        keep_id: whether the engine is rootless and has to map the caller's uid to the same uid inside.
        ssh_agent_socket: where the engine's host has the user's SSH agent; empty for ``$SSH_AUTH_SOCK`` here, else none
            at all.
        host_path: a real path of this machine and the option's name to the path as the engine's host sees it; raises
            `InvalidOptionError` where it does not. None for the same path.
    """

    platform_type: str = "docker"
    platform_name: str = "Docker Engine"
    place: Place = "here"
    hints: Hints = Hints()
    user: tuple[int, int] | None = None
    keep_id: bool = False
    ssh_agent_socket: str = ""
    host_path: Callable[[Path, str], str] | None = None

    @property
    def local(self) -> bool:
        """Whether folders and published ports are this machine's."""
        return self.place != "remote"
