"""Docker Engine, rootful and rootless, Docker Desktop, and whatever ``DOCKER_HOST`` or a Docker context leads to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.discovery.probing import first_alive
from dvm_runtimes.discovery.provider import NEVER, Machine
from dvm_runtimes.engines.docker_api import CONNECT_LIMIT, DockerProfile, Endpoint, Hints, Tls
from dvm_runtimes.engines.docker_api.client import ping
from dvm_runtimes.engines.docker_api.profile import Place
from dvm_runtimes.engines.docker_api.provider import (
    DockerApiProvider,
    no_such_profile,
    runtime_folder,
    without_password,
)
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.infos import Platform

from .contexts import DEFAULT, DockerContext, config_folder, current_context, read_contexts

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

DESKTOP_RANK = 30
RANK = 40

VM_AGENT = "/run/host-services/ssh-auth.sock"
"""Where Docker Desktop and OrbStack put the user's SSH agent in their VMs."""

ROOT_INSIDE = (0, 0)
"""In a rootless engine the user is root inside: anybody else there may not write what is the user's outside."""


class Way(NamedTuple):
    """One way to an engine: where it is known from, where it leads, and what is its own there."""

    platform: Platform
    tls: Tls | None
    profile: DockerProfile


class DockerProvider(DockerApiProvider):
    """``docker`` is what Docker's own command would use; ``docker:CONTEXT`` is that context's engine.

    Sockets that are at a known place have the name of the context that their
    product makes for them, whether that context is there or not:
    ``docker:default``, ``docker:rootless``, ``docker:desktop-linux``.
    """

    name = "docker"
    aliases = ("docker-desktop", "linux-native")
    points = True

    def find(self, machine: Machine) -> list[Platform]:
        chosen, places, contexts = _chosen(machine), _places(machine), _contexts(machine)
        found = [*chosen, *(way for way in places if _is_there(way))]
        if not found and (installed := _installed(machine, places)):
            found = [installed]
        found += contexts
        return [way.platform for way in _once(found)]

    def select(self, machine: Machine, profile: str) -> Platform:
        chosen, places = _chosen(machine), _places(machine)
        if profile:
            return self._named(profile, [*_contexts(machine, everything=True), *places]).platform
        if chosen:
            return chosen[0].platform
        there = [way.platform for way in places if _is_there(way) and way.platform.rank < NEVER]
        # A socket that nobody serves any more must not hide the engine that runs.
        return first_alive(self, there, machine) if there else self._named(DEFAULT, places).platform

    def endpoint(self, platform: Platform, machine: Machine) -> Endpoint:
        return Endpoint.parse(platform.endpoint, tls=self._way(platform, machine).tls, field=_field(platform))

    def profile(self, platform: Platform, machine: Machine) -> DockerProfile:
        return self._way(platform, machine).profile

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        if "endpoint" not in overrides and _is_podman(platform):
            # DOCKER_HOST and contexts lead there too, and it has rules of its own.
            from dvm_runtimes.platforms.podman.provider import PodmanProvider

            podman = replace(platform, type="podman", name=f"Podman ({platform.profile or 'DOCKER_HOST'})")
            return PodmanProvider().create(podman, machine, **overrides)
        return super().create(platform, machine, **overrides)

    def install_hint(self, machine: Machine) -> str:
        if machine.system == "darwin":
            return "Docker Desktop: `brew install --cask docker`, then `open -a Docker`."
        return "Docker Engine: https://docs.docker.com/engine/install, or your distribution's `docker.io`."

    def _way(self, platform: Platform, machine: Machine) -> Way:
        known = [*_chosen(machine), *_contexts(machine, everything=True), *_places(machine)]
        same = (way for way in known if way.platform.endpoint == platform.endpoint)
        return next((way for way in same if way.platform.profile == platform.profile), None) or Way(
            platform, None, _profile_of(platform.endpoint, platform.name, machine)
        )

    def _named(self, profile: str, ways: list[Way]) -> Way:
        for way in ways:
            if way.platform.profile == profile:
                return way
        raise no_such_profile("Docker", profile, (way.platform.profile for way in ways))


def _chosen(machine: Machine) -> list[Way]:
    """What the user has chosen for Docker's own command; at most one."""
    if host := machine.env.get("DOCKER_HOST", "").strip():
        return [_from_variable(without_password(host), machine)]
    if name := current_context(machine):
        for context in read_contexts(machine):
            if context.name == name:
                way = _from_context(context, machine)
                return [way._replace(platform=replace(way.platform, selector="docker", rank=RANK))]
    return []


def _from_variable(host: str, machine: Machine) -> Way:
    tls = None
    verify = bool(machine.env.get("DOCKER_TLS_VERIFY"))
    if verify or machine.env.get("DOCKER_TLS"):
        tls = Tls.folder(machine.env.get("DOCKER_CERT_PATH") or config_folder(machine), verify=verify)
    path = host.removeprefix("unix://")
    for way in _places(machine):
        # The same place under its own name, with its own hints.
        if way.platform.endpoint == f"unix://{path}":
            return way._replace(platform=replace(way.platform, selector="docker", rank=min(RANK, way.platform.rank)))
    name = "Docker Engine (DOCKER_HOST)"
    hints = Hints(start=f"Start the engine at {host}, or `unset DOCKER_HOST`.")
    profile = _profile_of(host, name, machine)._replace(hints=hints)
    return Way(
        Platform("docker", name, f"unix://{path}" if path.startswith("/") else host, rank=RANK, selector="docker"),
        tls,
        profile,
    )


def _contexts(machine: Machine, *, everything: bool = False) -> list[Way]:
    """The engines of contexts. One on another machine is used only when it is asked for."""
    current = "" if machine.env.get("DOCKER_HOST") else current_context(machine)
    return [_from_context(one, machine) for one in read_contexts(machine) if everything or one.name != current]


def _from_context(context: DockerContext, machine: Machine) -> Way:
    name = f"Docker (context {context.name})"
    local = context.host.startswith("unix://")
    start = f"Start the engine at {context.host}, or `docker context use default`."
    profile = _profile_of(context.host, name, machine)._replace(hints=Hints(start=start))
    platform = Platform(
        type="docker",
        name=name,
        endpoint=context.host,
        profile=context.name,
        rank=RANK if local else NEVER,
        selector=f"docker:{context.name}",
    )
    return Way(platform, context.tls, profile)


def _places(machine: Machine) -> list[Way]:
    """The places where products put their sockets, whether there is one or not."""
    return [*_desktop(machine), *_engine(machine), *_others(machine)]


def _desktop(machine: Machine) -> Iterator[Way]:
    mac = machine.system == "darwin"
    socket = machine.home / ".docker" / ("run" if mac else "desktop") / "docker.sock"
    start = "`open -a Docker`" if mac else "`systemctl --user start docker-desktop`"
    yield _at(
        socket,
        "desktop-linux",
        "Docker Desktop",
        rank=DESKTOP_RANK,
        place="vm",
        hints=Hints(
            start=f"Start Docker Desktop: {start}.",
            permission="Start Docker Desktop as the user you are now.",
            bind="Share the folder: Docker Desktop, Settings, Resources, File sharing.",
            disk="Free space with `docker system prune`, or raise the limit in Docker Desktop's settings.",
        ),
        agent=VM_AGENT,
    )


def _engine(machine: Machine) -> Iterator[Way]:
    socket = machine.path("/var/run/docker.sock")
    if "docker-desktop" in os.path.realpath(socket):
        # Docker Desktop's WSL integration links the distribution's socket to its own.
        yield _at(
            socket,
            DEFAULT,
            "Docker Desktop",
            rank=DESKTOP_RANK,
            place="vm",
            hints=Hints(start="Start Docker Desktop on Windows, with WSL integration for this distribution."),
        )
        return
    systemd = machine.path("/run/systemd/system").is_dir()
    start = "sudo systemctl start docker" if systemd else "sudo service docker start"
    if machine.system == "darwin":
        start = "open -a Docker"
    place: Place = "vm" if machine.system == "darwin" else "here"
    yield _at(socket, DEFAULT, "Docker Engine", place=place, hints=Hints(start=f"Start it with `{start}`."))
    if machine.system == "darwin":
        return
    own = runtime_folder(machine)
    # Without a runtime folder of the session, the rootless installer uses the last.
    for path in (own / "docker.sock", machine.home / ".docker/run/docker.sock"):
        yield _at(
            path,
            "rootless",
            "Docker Engine (rootless)",
            hints=Hints(
                start="Start it with `systemctl --user start docker`.", permission="It serves its own user only."
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
    for socket in sorted(lima.glob("[!_.]*/sock/docker.sock")):
        name = socket.parent.parent.name
        start = Hints(start=f"Start it with `limactl start {name}`.")
        yield _at(socket, f"lima-{name}", f"Lima (instance: {name})", place="vm", hints=start)
    finch = "/Applications/Finch/lima/data/finch/sock/finch.sock" if machine.system == "darwin" else "/run/finch.sock"
    yield _at(
        machine.path(finch),
        "finch",
        "Finch",
        # It serves a part of Docker's API: to be used only when asked for.
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


def _profile_of(host: str, name: str, machine: Machine) -> DockerProfile:
    """What can be told of an engine by its address alone."""
    scheme, _, rest = host.partition("://")
    if scheme == "unix" or host.startswith("/"):
        own = os.fspath(runtime_folder(machine))
        rootless = machine.system != "darwin" and rest.startswith(own + "/")
        place: Place = "vm" if machine.system == "darwin" else "here"
        return DockerProfile(platform_name=name, place=place, user=ROOT_INSIDE if rootless else None)
    local = scheme != "ssh" and rest.startswith(("localhost:", "127.", "[::1]"))
    return DockerProfile(platform_name=name, place="here" if local and machine.system == "linux" else "remote")


def _installed(machine: Machine, places: list[Way]) -> Way | None:
    """An engine that is installed and does not run, where no socket tells of any."""
    if machine.system == "darwin":
        return places[0] if machine.path("/Applications/Docker.app").exists() else None
    folders = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
    if not any(machine.path(f"{folder}/dockerd").exists() for folder in folders):
        return None
    return next(way for way in places if way.platform.profile == DEFAULT)


def _is_podman(platform: Platform) -> bool:
    """Whether it is Podman that answers at this socket."""
    if not platform.endpoint.startswith("unix://"):
        return False
    try:
        pong = ping(Endpoint.parse(platform.endpoint), CONNECT_LIMIT)
    except (OSError, EOFError, InvalidOptionError):
        return False  # whoever connects next is told what is wrong
    return pong.server == "Libpod"


def _is_there(way: Way) -> bool:
    # Also a link into nowhere: it tells that the product was here.
    return os.path.lexists(way.platform.endpoint.removeprefix("unix://"))


def _once(ways: list[Way]) -> list[Way]:
    """Each address once, the first time that it comes."""
    kept: dict[str, Way] = {}
    for way in ways:
        kept.setdefault(way.platform.endpoint, way)
    return list(kept.values())


def _field(platform: Platform) -> str:
    return f"context {platform.profile}" if platform.name.startswith("Docker (context") else "DOCKER_HOST"
