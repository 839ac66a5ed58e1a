"""Podman: rootless, rootful, in its machine, or at ``CONTAINER_HOST`` and connections."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.discovery.machine import exists, is_folder, matches
from dvm_runtimes.discovery.probing import first_alive
from dvm_runtimes.discovery.provider import NEVER, Machine, Probe
from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint, Hints
from dvm_runtimes.engines.docker_api.profile import Place
from dvm_runtimes.engines.docker_api.provider import (
    DockerApiProvider,
    no_such_profile,
    runtime_folder,
    without_password,
)
from dvm_runtimes.errors import RuntimeUnavailableError
from dvm_runtimes.infos import Platform

from .connections import Connection, read_connections
from .service import ensure_service, podman_program, service_errors

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

RANK = 50

ROOTLESS = "rootless"
ROOTFUL = "rootful"
MACHINE = "podman-machine-default"
"""What ``podman machine init`` calls the first one."""

_API = "-api.sock"


class Way(NamedTuple):
    """One way to an engine: where it leads, with which key, and how it is started."""

    platform: Platform
    start: str
    place: Place = "here"
    identity: str = ""


class PodmanProvider(DockerApiProvider):
    """``podman`` is what ``CONTAINER_HOST`` names, else this user's own engine, else root's, else the machine's.

    ``podman:rootless`` and ``podman:rootful`` name one of this host,
    ``podman:NAME`` a machine or a connection. The user's own is started when
    it is asked for by name and does not run.
    """

    name = "podman"

    def find(self, machine: Machine) -> list[Platform]:
        chosen, places = _chosen(machine), _places(machine)
        found = [way for way in places if _is_there(way)]
        if not chosen and not found and places and podman_program(machine):
            found = places[:1]
        known = {way.platform.endpoint: way.platform for way in chosen}
        for way in [*found, *_connections(machine)]:
            # The user's choice is not passed over: another one must be asked for.
            platform = replace(way.platform, rank=NEVER) if chosen else way.platform
            known.setdefault(platform.endpoint, platform)
        return list(known.values())

    def select(self, machine: Machine, profile: str) -> Platform:
        chosen, places, connections = _chosen(machine), _places(machine), _connections(machine)
        if profile:
            named = [way for way in [*places, *connections] if way.platform.profile == profile]
            named.sort(key=lambda way: not _is_there(way))
            if not named:
                known = (way.platform.profile for way in [*places, *connections])
                raise no_such_profile("Podman", profile, known)
            return named[0].platform
        if chosen and not chosen[0].platform.endpoint:
            raise no_such_profile("Podman", chosen[0].platform.profile, (way.platform.profile for way in connections))
        if chosen:
            return chosen[0].platform
        there = [way.platform for way in places if _is_there(way)]
        there += [way.platform for way in connections if way.platform.rank < NEVER]
        # A socket that nobody serves any more must not hide the engine that runs.
        return first_alive(self, there, machine) if there else places[0].platform

    def at(self, machine: Machine, endpoint: str) -> Platform:
        known = [*_chosen(machine), *_places(machine), *_connections(machine)]
        unknown = Platform("podman", f"Podman ({endpoint})", endpoint, rank=NEVER, selector=f"podman:{endpoint}")
        return next((way.platform for way in known if way.platform.endpoint == endpoint), unknown)

    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        if platform.endpoint:
            return super().probe(platform, machine, timeout)
        return Probe(problem="does not exist", hint=self._way(platform, machine).start)

    def endpoint(self, platform: Platform, machine: Machine) -> Endpoint:
        identity = self._way(platform, machine).identity
        options = ("-i", identity) if identity else ()
        return Endpoint.parse(platform.endpoint, ssh_options=options, field=_field(platform))

    def profile(self, platform: Platform, machine: Machine) -> DockerProfile:
        way = self._way(platform, machine)
        owner = _owner(platform, machine)
        return DockerProfile(
            platform_type="podman",
            platform_name=platform.name,
            place=way.place,
            hints=_hints(way),
            keep_id=owner is not None,
            user=owner,
        )

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        if "endpoint" in overrides or not _is_own(platform, machine):
            return super().create(platform, machine, **overrides)
        socket = Path(platform.endpoint.removeprefix("unix://"))
        ensure_service(socket, machine, platform.name)
        try:
            return super().create(platform, machine, **overrides)
        except RuntimeUnavailableError as error:
            error.detail = service_errors(socket) or error.detail
            raise

    def connect(self, endpoint: Endpoint, profile: DockerProfile, timeout: float | None) -> ContainerRuntime:
        from dvm_runtimes.engines.podman import connect

        return connect(endpoint, profile, timeout)

    def install_hint(self, machine: Machine) -> str:
        if machine.system == "darwin":
            return "Podman: `brew install podman`, then `podman machine init && podman machine start`."
        return "Podman: your distribution's package `podman`, then `systemctl --user enable --now podman.socket`."

    def _way(self, platform: Platform, machine: Machine) -> Way:
        for way in [*_chosen(machine), *_connections(machine), *_places(machine)]:
            if way.platform.endpoint == platform.endpoint and way.platform.profile == platform.profile:
                return way
        return Way(platform, f"Start Podman's service at {platform.endpoint}.", _place_of(platform.endpoint, machine))


def _chosen(machine: Machine) -> list[Way]:
    """What the user has chosen for Podman's own command; at most one."""
    if host := without_password(machine.env.get("CONTAINER_HOST", "").strip()):
        for way in _places(machine):
            if way.platform.endpoint == host:
                return [way._replace(platform=replace(way.platform, selector="podman"))]
        name = "Podman (CONTAINER_HOST)"
        start = f"Start Podman's service at {host}, or `unset CONTAINER_HOST`."
        platform = Platform("podman", name, host, rank=RANK, selector="podman")
        return [Way(platform, start, _place_of(host, machine), machine.env.get("CONTAINER_SSHKEY", ""))]
    if name := machine.env.get("CONTAINER_CONNECTION", ""):
        for way in _connections(machine):
            if way.platform.profile == name:
                return [way._replace(platform=replace(way.platform, selector="podman", rank=RANK))]
        start = "Name an existing connection in CONTAINER_CONNECTION, or `unset CONTAINER_CONNECTION`."
        platform = Platform("podman", f"Podman (connection: {name})", "", name, rank=RANK, selector="podman")
        return [Way(platform, start)]
    return []


def _connections(machine: Machine) -> list[Way]:
    return [_from_connection(one, machine) for one in read_connections(machine)]


def _from_connection(connection: Connection, machine: Machine) -> Way:
    name, own = connection.name, connection.machine
    # On Linux Podman's command uses no connection unless it is told to; elsewhere it has nothing but connections.
    usual = connection.default and machine.system != "linux"
    platform = Platform(
        type="podman",
        name=f"Podman ({'machine' if own else 'connection'}: {name})",
        endpoint=connection.uri,
        profile=name,
        rank=RANK if usual else NEVER,
        selector=f"podman:{name}",
    )
    start = _machine_start(name.removesuffix("-root")) if own else f"Start Podman's service at {connection.uri}."
    place: Place = "vm" if own else _place_of(connection.uri, machine)
    return Way(platform, start, place, connection.identity)


def _places(machine: Machine) -> list[Way]:
    """The places where Podman puts its sockets, whether there is one or not; the user's own first."""
    if machine.system == "darwin":
        return list(_machines(machine))
    rootless = _here(rootless_folder(machine) / "podman/podman.sock", ROOTLESS, "Podman (rootless)", machine)
    rootful = _here(machine.path("/run/podman/podman.sock"), ROOTFUL, "Podman", machine)
    own = [rootful, rootless] if machine.uid == 0 else [rootless, rootful]
    return [*own, *(way for way in _machines(machine) if _is_there(way))]


def rootless_folder(machine: Machine) -> Path:
    """The folder of the user's own Podman.

    Where no login manager makes ``/run/user/UID``, Podman makes one below the
    temporary folder: ``podman-run-UID``, since version 5 ``storage-run-UID``.
    One that belongs to somebody else is passed over, as Podman does it.
    """
    usual = runtime_folder(machine)
    parents = [usual, *usual.parents]
    nearest = next(folder for folder in parents if is_folder(folder))
    if machine.env.get("XDG_RUNTIME_DIR") or os.access(nearest, os.W_OK):
        return usual
    temporary = Path(machine.env.get("TMPDIR") or machine.path("/tmp"))  # noqa: S108 -- who owns it is checked
    folders = [temporary / f"{name}-run-{machine.uid}" for name in ("podman", "storage")]
    own = [folder for folder in folders if _belongs_to(machine.uid, folder)]
    free = [folder for folder in folders if not exists(folder)]
    served = [folder for folder in own if exists(folder / "podman/podman.sock")]
    return next(iter([*served, *own, *free]), machine.home / "rundir")


def _belongs_to(uid: int, folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and not status.st_mode & 0o022


def _here(socket: Path, profile: str, name: str, machine: Machine) -> Way:
    command = f"podman system service --time=0 unix://{socket}"
    if is_folder(machine.path("/run/systemd/system")):
        command = "systemctl --user enable --now podman.socket"
        if profile == ROOTFUL:
            command = "sudo systemctl enable --now podman.socket"
    elif profile == ROOTFUL and machine.uid != 0:
        command = f"sudo {command}"
    platform = Platform("podman", name, f"unix://{socket}", profile, rank=RANK, selector=f"podman:{profile}")
    return Way(platform, f"Start its service with `{command}`.")


def _machines(machine: Machine) -> Iterator[Way]:
    """The sockets of ``podman machine``, each version's own place."""
    folder = machine.home / ".local/share/containers/podman/machine"
    sockets = {folder / "podman.sock": MACHINE, folder / "qemu/podman.sock": MACHINE}
    sockets |= {socket: socket.parent.name for socket in matches(folder, "*/podman.sock") if socket not in sockets}
    temporary = [matches(machine.path("/var/folders"), f"*/*/T/podman/*{_API}")]
    if given := machine.env.get("TMPDIR"):
        temporary.insert(0, matches(Path(given) / "podman", f"*{_API}"))
    for found in temporary:
        sockets |= {socket: socket.name.removesuffix(_API) for socket in found}
    for socket, name in sockets.items():
        platform = Platform(
            type="podman",
            name=f"Podman (machine: {name})",
            endpoint=f"unix://{socket}",
            profile=name,
            rank=RANK,
            selector=f"podman:{name}",
        )
        yield Way(platform, _machine_start(name), "vm")


def _machine_start(name: str) -> str:
    return f"Start it with `podman machine start{'' if name == MACHINE else f' {name}'}`."


def _hints(way: Way) -> Hints:
    return Hints(
        start=way.start,
        permission="That socket is root's. Use your own engine: `systemctl --user enable --now podman.socket`,"
        " then `--runtime podman:rootless`.",
        disk="Free space with `podman system prune`.",
        init="Install Podman's init on its host: the package `catatonit`.",
        login="Log in with `podman login`, or check the name; a short name is looked for in registries.conf.",
        bind="Give a path that exists on the machine where Podman runs.",
    )


def _owner(platform: Platform, machine: Machine) -> tuple[int, int] | None:
    """Whose engine it is, if not root's: uid and gid there."""
    if platform.endpoint.startswith("unix://") and machine.system == "linux":
        try:
            status = Path(platform.endpoint.removeprefix("unix://")).stat()
        except OSError:
            # Not there: it will be this user's, if the place is.
            return (machine.uid, machine.uid) if platform.profile == ROOTLESS else None
        return (status.st_uid, status.st_gid) if status.st_uid != 0 else None
    if platform.profile.startswith(MACHINE) and not platform.profile.endswith("-root"):
        # `podman machine` gives the user in the VM the number that the user has here.
        return (machine.uid, machine.uid)
    _, found, rest = platform.endpoint.partition("/run/user/")
    number = rest.partition("/")[0]
    return (int(number), int(number)) if found and number.isdecimal() else None


def _place_of(url: str, machine: Machine) -> Place:
    if url.startswith(("unix://", "/")):
        return "here" if machine.system == "linux" else "vm"
    rest = url.partition("://")[2]
    local = url.startswith(("tcp://", "http://")) and rest.startswith(("localhost:", "127.", "[::1]"))
    return "here" if local and machine.system == "linux" else "remote"


def _is_own(platform: Platform, machine: Machine) -> bool:
    """Whether it is the engine of the user who asks, on this host: the one that needs nobody else to start it."""
    own = ROOTFUL if machine.uid == 0 else ROOTLESS
    return machine.system == "linux" and platform.profile == own


def _is_there(way: Way) -> bool:
    scheme, _, path = way.platform.endpoint.partition("://")
    return scheme != "unix" or os.path.lexists(path)


def _field(platform: Platform) -> str:
    return f"connection {platform.profile}" if platform.profile else "CONTAINER_HOST"
