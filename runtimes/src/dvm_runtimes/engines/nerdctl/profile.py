"""What one platform over nerdctl is called, where it runs, and what to tell its users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HostPath = Callable[[Path, str], str]
"""From a real path of this machine and an option's name to the path where the engine runs."""

NAMESPACE = "devopsmaestro"
"""The containerd namespace of workspaces, unless another is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NerdctlHints:
    """What to do next, on one platform, when something is wrong. Whole sentences.

    Attributes:
        start: containerd does not answer.
        permission: the user may not use its socket.
        install: nerdctl is not there.
        upgrade: nerdctl is too old.
        init: there is no init to run as PID 1.
        build: BuildKit does not answer.
        login: the registry wants to know who asks.
        port: a port of the host is taken.
        mount: the source of a mount does not exist any more.
    """

    start: str = "Start it with `sudo systemctl start containerd`."
    permission: str = "Run as root, or set up rootless containerd with `containerd-rootless-setuptool.sh install`."
    install: str = "Install nerdctl 1.7 or later and have it on PATH; its full release holds all that it needs."
    upgrade: str = "Install nerdctl 1.7 or later."
    init: str = "Install `tini` on the machine where containerd runs."
    build: str = "Start it with `sudo systemctl start buildkit`, or install nerdctl's full release."
    login: str = "Log in with `nerdctl login`, or check the name."
    mount: str = "Create the folder again, or start the workspace without this mount."
    port: str = "Choose another host port, or none to let a free one be chosen."


@dataclass(frozen=True, slots=True, kw_only=True)
class NerdctlProfile:
    """One product whose containers nerdctl drives.

    Attributes:
        platform_type: the public runtime name, as in ``"containerd"`` or ``"colima"``.
        platform_name: what people call it, as in ``"Colima (profile: work)"``.
        endpoint: where containerd listens, for people.
        namespace: the containerd namespace.
        rootless: whether it runs as this user and in a namespace of users, where this user is root.
        host_path: how the virtual machine in which containerd runs sees paths of this machine; None where it runs here.
        hints: see `NerdctlHints`.
    """

    platform_type: str = "containerd"
    platform_name: str = "containerd"
    endpoint: str = "unix:///run/containerd/containerd.sock"
    namespace: str = NAMESPACE
    rootless: bool = False
    host_path: HostPath | None = None
    hints: NerdctlHints = field(default_factory=NerdctlHints)

    @property
    def in_vm(self) -> bool:
        """Whether containers run in a virtual machine, with its own users and with ports that are forwarded."""
        return self.host_path is not None
