"""The places where products put a Docker socket, and the product that a socket belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from dvm_runtimes.discovery.machine import is_folder, matches
from dvm_runtimes.discovery.provider import NEVER, Machine
from dvm_runtimes.engines.docker_api import DockerProfile, Hints, Tls
from dvm_runtimes.engines.docker_api.profile import Place
from dvm_runtimes.engines.docker_api.provider import runtime_folder
from dvm_runtimes.infos import Platform

from .contexts import DEFAULT

DESKTOP_RANK = 30
RANK = 40

VM_AGENT = "/run/host-services/ssh-auth.sock"
"""The user's SSH agent in the VMs of Docker Desktop and OrbStack."""

ROOT_INSIDE = (0, 0)
"""The user of workspaces in a rootless engine: only root inside may write the user's files."""


class Way(NamedTuple):
    """One address of an engine.

    Attributes:
        platform: the engine's description.
        tls: certificates; None without TLS.
        profile: what differs on this product.
    """

    platform: Platform
    tls: Tls | None
    profile: DockerProfile


def places(machine: Machine) -> list[Way]:
    """Every known place, whether a socket is there or not.

    The machine's common socket comes before less frequent products, and after them where it is a link to one of theirs.
    """
    desktop, others, rootless = _desktop(machine), list(_others(machine)), list(_rootless(machine))
    common = _common(machine)
    product = product_of(common.platform.endpoint, machine, [desktop, *others])
    if product is not None:
        return [desktop, *rootless, *others, _renamed(common, product)]
    return [desktop, common, *rootless, *others]


def product_of(endpoint: str, machine: Machine, products: list[Way], *, context: str = "") -> Way | None:
    """The product whose socket is at ``endpoint``, through links or in another user's home; None for none of them.

    Args:
        endpoint: an address of any kind.
        machine: where the socket is.
        products: the products to compare with.
        context: the name of the context that has this address, if one has.
    """
    if not endpoint.startswith("unix://"):
        return None
    real = os.path.realpath(endpoint.removeprefix("unix://"))
    for way in products:
        place = os.path.realpath(way.platform.endpoint.removeprefix("unix://"))
        if real == place or (way.platform.profile == context and context in _OWN_CONTEXTS):
            return way
    for ending, profile in _ENDINGS.items():
        if re.search(ending, real):
            return next((way for way in products if way.platform.profile == profile), None)
    return None


_OWN_CONTEXTS = ("desktop-linux", "rancher-desktop")
"""Contexts that a product makes for itself, wherever it has its socket."""

_ENDINGS = {
    r"/\.docker/desktop/docker\.sock$": "desktop-linux",
    r"/\.rd/docker\.sock$": "rancher-desktop",
}
"""How the real paths of products' sockets end, and the profile of each product."""


def _renamed(way: Way, product: Way) -> Way:
    """``way`` described as ``product``, under its own address and selector."""
    own = way.platform
    platform = replace(product.platform, endpoint=own.endpoint, profile=own.profile, selector=own.selector)
    return Way(platform, way.tls, product.profile)


def _desktop(machine: Machine) -> Way:
    mac = machine.system == "darwin"
    socket = machine.home / ".docker" / ("run" if mac else "desktop") / "docker.sock"
    start = "`open -a Docker`" if mac else "`systemctl --user start docker-desktop`"
    return _at(
        socket,
        "desktop-linux",
        "Docker Desktop",
        rank=DESKTOP_RANK,
        place="vm",
        hints=Hints(
            start=f"Start Docker Desktop: {start}.",
            permission="Start Docker Desktop as the current user.",
            bind="Share the folder: Docker Desktop, Settings, Resources, File sharing.",
            disk="Free space with `docker system prune`, or raise the limit in Docker Desktop's settings.",
        ),
        agent=VM_AGENT,
    )


def _common(machine: Machine) -> Way:
    """The socket that Docker's own command uses without any settings."""
    socket = machine.path("/var/run/docker.sock")
    if "docker-desktop" in os.path.realpath(socket):
        # Docker Desktop's WSL integration links the distribution's socket to its own.
        return _at(
            socket,
            DEFAULT,
            "Docker Desktop",
            rank=DESKTOP_RANK,
            place="vm",
            hints=Hints(start="Start Docker Desktop on Windows, with WSL integration for this distribution."),
        )
    systemd = is_folder(machine.path("/run/systemd/system"))
    start = "sudo systemctl start docker" if systemd else "sudo service docker start"
    if machine.system == "darwin":
        start = "open -a Docker"
    place: Place = "vm" if machine.system == "darwin" else "here"
    return _at(socket, DEFAULT, "Docker Engine", place=place, hints=Hints(start=f"Start it with `{start}`."))


def _rootless(machine: Machine) -> Iterator[Way]:
    if machine.system == "darwin":
        return
    # Without a runtime folder of the session, the rootless installer uses the second.
    for path in (runtime_folder(machine) / "docker.sock", machine.home / ".docker/run/docker.sock"):
        yield _at(
            path,
            "rootless",
            "Docker Engine (rootless)",
            hints=Hints(
                start="Start it with `systemctl --user start docker`.", permission="Only its own user may use it."
            ),
            user=ROOT_INSIDE,
        )


def _others(machine: Machine) -> Iterator[Way]:
    yield _at(
        machine.home / ".rd/docker.sock",
        "rancher-desktop",
        "Rancher Desktop",
        place="vm",
        hints=Hints(start="Start Rancher Desktop with `rdctl start`, with dockerd as its engine."),
    )
    lima = Path(machine.env.get("LIMA_HOME") or machine.home / ".lima")
    for socket in matches(lima, "[!_.]*/sock/docker.sock"):
        name = socket.parent.parent.name
        start = Hints(start=f"Start it with `limactl start {name}`.")
        yield _at(socket, f"lima-{name}", f"Lima (instance: {name})", place="vm", hints=start)
    finch = "/Applications/Finch/lima/data/finch/sock/finch.sock" if machine.system == "darwin" else "/run/finch.sock"
    yield _at(
        machine.path(finch),
        "finch",
        "Finch",
        # It serves a part of Docker's API: used only when asked for.
        rank=NEVER,
        place="vm" if machine.system == "darwin" else "here",
        hints=Hints(start="Start it with `finch vm start`."),
    )


def _at(
    socket: Path,
    profile: str,
    name: str,
    *,
    hints: Hints,
    rank: int = RANK,
    place: Place = "here",
    agent: str = "",
    user: tuple[int, int] | None = None,
) -> Way:
    platform = Platform("docker", name, f"unix://{socket}", profile, rank=rank, selector=f"docker:{profile}")
    return Way(
        platform,
        None,
        DockerProfile(platform_name=name, place=place, hints=hints, ssh_agent_socket=agent, user=user),
    )
