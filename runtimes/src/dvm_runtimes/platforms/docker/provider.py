"""Docker Engine, rootful and rootless, Docker Desktop, and the engines of ``DOCKER_HOST`` and Docker contexts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.discovery.machine import exists
from dvm_runtimes.discovery.probing import first_alive
from dvm_runtimes.discovery.provider import NEVER, Explicit, Machine, Probe
from dvm_runtimes.engines.docker_api import CONNECT_LIMIT, DockerProfile, Endpoint, Hints, Tls
from dvm_runtimes.engines.docker_api.client import ping
from dvm_runtimes.engines.docker_api.profile import Place
from dvm_runtimes.engines.docker_api.provider import (
    DockerApiProvider,
    no_such_profile,
    runtime_folder,
    without_password,
)
from dvm_runtimes.errors import InvalidOptionError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform

from .contexts import DEFAULT, DockerContext, config_folder, current_context, read_contexts
from .places import RANK, ROOT_INSIDE, Way, places, product_of

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime


class Chosen(NamedTuple):
    """The engine that the user's settings for Docker's own command name.

    Attributes:
        way: its address; None where the settings name a context that does not exist.
        source: the setting, as in ``"DOCKER_HOST"``.
        context: the context's name; empty for ``DOCKER_HOST``.
        undo: how the user takes the setting back.
    """

    way: Way | None
    source: str
    context: str
    undo: str


class DockerProvider(DockerApiProvider):
    """``docker`` is the engine that Docker's own command uses; ``docker:CONTEXT`` is that context's engine.

    Sockets at a known place have the name of the context that their product makes for them, whether that context
    exists or not: ``docker:default``, ``docker:rootless``, ``docker:desktop-linux``.
    """

    name = "docker"
    aliases = ("docker-desktop", "linux-native")
    points = True

    def find(self, machine: Machine) -> list[Platform]:
        chosen, known, contexts = _chosen(machine), places(machine), _contexts(machine)
        found = [way for way in known if _is_there(way)]
        if chosen is not None:
            found.insert(0, _shown(chosen))
        if not found and (installed := _installed(machine, known)):
            found = [installed]
        found += contexts
        return [way.platform for way in _once(found)]

    def explicit(self, machine: Machine) -> Explicit | None:
        chosen = _chosen(machine)
        return None if chosen is None else Explicit(_existing(chosen, machine).platform, chosen.source, chosen.undo)

    def select(self, machine: Machine, profile: str) -> Platform:
        chosen, known = _chosen(machine), places(machine)
        if profile:
            return self._named(profile, [*_contexts(machine, everything=True), *known]).platform
        if chosen is not None:
            return _existing(chosen, machine).platform
        there = [way.platform for way in known if _is_there(way) and way.platform.rank < NEVER]
        # A stale socket must not hide an engine that runs.
        return first_alive(self, there, machine) if there else self._named(DEFAULT, known).platform

    def at(self, machine: Machine, endpoint: str) -> Platform:
        known = [*_contexts(machine, everything=True), *places(machine)]
        if (chosen := _chosen(machine)) is not None and chosen.way is not None:
            known.insert(0, chosen.way)
        return next(
            (way.platform for way in known if way.platform.endpoint == endpoint),
            _from_address(endpoint, f"Docker Engine ({endpoint})", Hints(), machine).platform,
        )

    def shared(self, platform: Platform, machine: Machine) -> bool:
        socket = platform.endpoint.removeprefix("unix://")
        return os.path.islink(socket) or all(way.platform.endpoint != platform.endpoint for way in places(machine))  # noqa: PTH114 - an OSError is no link

    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        if platform.endpoint:
            return super().probe(platform, machine, timeout)
        chosen = _chosen(machine)
        return Probe(problem="does not exist", hint="" if chosen is None else _missing_hint(chosen, machine))

    def endpoint(self, platform: Platform, machine: Machine) -> Endpoint:
        return Endpoint.parse(platform.endpoint, tls=self._way(platform, machine).tls, field=_field(platform))

    def profile(self, platform: Platform, machine: Machine) -> DockerProfile:
        return self._way(platform, machine).profile

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        if "endpoint" not in overrides and _is_podman(platform):
            # DOCKER_HOST and contexts lead there too, and Podman has rules of its own.
            from dvm_runtimes.platforms.podman.provider import PodmanProvider

            podman = replace(platform, type="podman", name=f"Podman ({platform.profile or 'DOCKER_HOST'})")
            return PodmanProvider().create(podman, machine, **overrides)
        return super().create(platform, machine, **overrides)

    def install_hint(self, machine: Machine) -> str:
        if machine.system == "darwin":
            return "Docker Desktop: `brew install --cask docker`, then `open -a Docker`."
        return "Docker Engine: https://docs.docker.com/engine/install, or your distribution's `docker.io`."

    def _way(self, platform: Platform, machine: Machine) -> Way:
        known = [*_contexts(machine, everything=True), *places(machine)]
        if (chosen := _chosen(machine)) is not None and chosen.way is not None:
            known.insert(0, chosen.way)
        same = (way for way in known if way.platform.endpoint == platform.endpoint)
        return next((way for way in same if way.platform.profile == platform.profile), None) or _from_address(
            platform.endpoint, platform.name, Hints(), machine
        )

    def _named(self, profile: str, ways: list[Way]) -> Way:
        for way in ways:
            if way.platform.profile == profile:
                return way
        raise no_such_profile("Docker", profile, (way.platform.profile for way in ways))


def _chosen(machine: Machine) -> Chosen | None:
    """The engine that the user has chosen for Docker's own command; None without a choice."""
    if host := machine.env.get("DOCKER_HOST", "").strip():
        return Chosen(_from_variable(without_password(host), machine), "DOCKER_HOST", "", "`unset DOCKER_HOST`")
    name = current_context(machine)
    if not name:
        return None
    source, undo = "DOCKER_CONTEXT", "`unset DOCKER_CONTEXT`"
    if not machine.env.get("DOCKER_CONTEXT"):
        source, undo = "Docker's current context", "`docker context use default`"
    for context in read_contexts(machine):
        if context.name == name:
            way = _from_context(context, machine, undo)
            platform = replace(way.platform, selector="docker", rank=min(RANK, way.platform.rank))
            return Chosen(way._replace(platform=platform), source, name, undo)
    return Chosen(None, source, name, undo)


def _existing(chosen: Chosen, machine: Machine) -> Way:
    if chosen.way is not None:
        return chosen.way
    raise RuntimeUnavailableError(
        f"there is no Docker context {chosen.context!r}, which {chosen.source} names",
        hint=_missing_hint(chosen, machine),
        platform="Docker",
        operation="create_runtime",
    )


def _missing_hint(chosen: Chosen, machine: Machine) -> str:
    names = ", ".join(["default", *(one.name for one in read_contexts(machine))])
    return f"Take the choice back with {chosen.undo}, or name one of the existing contexts: {names}."


def _shown(chosen: Chosen) -> Way:
    """How a list shows the choice, also one that does not exist."""
    if chosen.way is not None:
        return chosen.way
    name = f"Docker (context {chosen.context})"
    platform = Platform("docker", name, "", chosen.context, rank=RANK, selector="docker")
    return Way(platform, None, DockerProfile(platform_name=name))


def _from_variable(host: str, machine: Machine) -> Way:
    tls = None
    verify = bool(machine.env.get("DOCKER_TLS_VERIFY"))
    if verify or machine.env.get("DOCKER_TLS"):
        tls = Tls.folder(machine.env.get("DOCKER_CERT_PATH") or config_folder(machine), verify=verify)
    endpoint = f"unix://{host}" if host.startswith("/") else host
    hints = Hints(start=f"Start the engine at {host}, or `unset DOCKER_HOST`.")
    way = _from_address(endpoint, "Docker Engine (DOCKER_HOST)", hints, machine)
    return way._replace(tls=tls, platform=replace(way.platform, selector="docker", rank=min(RANK, way.platform.rank)))


def _contexts(machine: Machine, *, everything: bool = False) -> list[Way]:
    """The engines of contexts. One on another machine is used only when it is asked for."""
    current = "" if machine.env.get("DOCKER_HOST") else current_context(machine)
    return [_from_context(one, machine) for one in read_contexts(machine) if everything or one.name != current]


def _from_context(context: DockerContext, machine: Machine, undo: str = "`docker context use default`") -> Way:
    hints = Hints(start=f"Start the engine at {context.host}, or {undo}.")
    way = _from_address(context.host, f"Docker (context {context.name})", hints, machine, context=context.name)
    platform = replace(way.platform, profile=context.name, selector=f"docker:{context.name}")
    return Way(platform, context.tls, way.profile)


def _from_address(host: str, name: str, hints: Hints, machine: Machine, *, context: str = "") -> Way:
    """The engine at an address: a product at its own place, else what the address alone says."""
    known = places(machine)
    product = next((way for way in known if way.platform.endpoint == host), None)
    product = product or product_of(host, machine, known, context=context)
    if product is not None:
        return product._replace(platform=replace(product.platform, endpoint=host))
    local = host.startswith("unix://")
    platform = Platform("docker", name, host, rank=RANK if local else NEVER, selector=f"docker:{host}")
    return Way(platform, None, _profile_of(host, name, machine)._replace(hints=hints))


def _profile_of(host: str, name: str, machine: Machine) -> DockerProfile:
    """What the address alone says of an engine."""
    scheme, _, rest = host.partition("://")
    if scheme == "unix" or host.startswith("/"):
        own = os.fspath(runtime_folder(machine))
        rootless = machine.system != "darwin" and rest.startswith(own + "/")
        place: Place = "vm" if machine.system == "darwin" else "here"
        return DockerProfile(platform_name=name, place=place, user=ROOT_INSIDE if rootless else None)
    local = scheme != "ssh" and rest.startswith(("localhost:", "127.", "[::1]"))
    return DockerProfile(platform_name=name, place="here" if local and machine.system == "linux" else "remote")


def _installed(machine: Machine, known: list[Way]) -> Way | None:
    """An engine that is installed and does not run, where no socket tells of any."""
    if machine.system == "darwin":
        return known[0] if exists(machine.path("/Applications/Docker.app")) else None
    folders = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
    if not any(exists(machine.path(f"{folder}/dockerd")) for folder in folders):
        return None
    return next(way for way in known if way.platform.profile == DEFAULT)


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
