"""Colima: a VM for each profile, with Docker or containerd in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_runtimes.discovery.machine import exists
from dvm_runtimes.discovery.probing import first_alive
from dvm_runtimes.discovery.provider import Machine, Probe
from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint, Hints
from dvm_runtimes.engines.docker_api.provider import DockerApiProvider, no_such_profile
from dvm_runtimes.infos import Platform

from .containerd import create_containerd, probe_containerd
from .files import (
    DEFAULT,
    asked_profile,
    colima_home,
    is_profile_name,
    path_in_vm,
    profile_names,
    runtime_of,
    short_name,
)

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

RANK = 20

DOCKER = "docker.sock"
CONTAINERD = "containerd.sock"


class ColimaProvider(DockerApiProvider):
    """``colima`` is the profile that ``COLIMA_PROFILE`` names, else the default one, else the one that runs.

    ``colima:work`` is the profile ``work``.
    """

    name = "colima"
    asks = True

    def find(self, machine: Machine) -> list[Platform]:
        asked = asked_profile(machine)
        names = sorted(profile_names(machine), key=lambda name: name != asked)
        return [_platform(name, machine) for name in names]

    def select(self, machine: Machine, profile: str) -> Platform:
        names = profile_names(machine)
        if wanted := short_name(profile) if profile else asked_profile(machine):
            if wanted not in names and (names or not is_profile_name(wanted)):
                raise no_such_profile("Colima", wanted, names)
            return _platform(wanted, machine)
        found = [_platform(name, machine) for name in names]
        return first_alive(self, found, machine) if found else _platform(DEFAULT, machine)

    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        if _runs_containerd(platform):
            return probe_containerd(platform, machine, timeout)
        return super().probe(platform, machine, timeout)

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        if _runs_containerd(platform):
            return create_containerd(platform, machine, **overrides)
        overrides.pop("ask", None)
        return super().create(platform, machine, **overrides)

    def endpoint(self, platform: Platform, machine: Machine) -> Endpoint:
        return Endpoint.parse(platform.endpoint)

    def profile(self, platform: Platform, machine: Machine) -> DockerProfile:
        profile = platform.profile
        again = "" if profile == DEFAULT else f" {profile}"

        def host_path(path: Path, field: str) -> str:
            return path_in_vm(path, field, machine, profile)

        return DockerProfile(
            platform_type="colima",
            platform_name=platform.name,
            place="vm",
            hints=Hints(
                start=start_hint(profile),
                permission=f"Start it as the user you are now: `colima start{again}`.",
                disk=f"Free space with `docker system prune`, or give the VM more: `colima start{again} --disk 100`.",
                bind="Share the folder in `mounts:` of the profile's colima.yaml.",
            ),
            host_path=host_path,
        )

    def install_hint(self, machine: Machine) -> str:
        return "Colima: `brew install colima docker`, then `colima start`." if machine.system == "darwin" else ""


def start_hint(profile: str) -> str:
    """How to start the profile.

    >>> start_hint("work")
    'Start it with `colima start work`.'
    """
    return f"Start it with `colima start{'' if profile == DEFAULT else f' {profile}'}`."


def _platform(profile: str, machine: Machine) -> Platform:
    socket = _socket(profile, machine)
    kind = "Colima containerd" if socket.name == CONTAINERD else "Colima"
    return Platform(
        type="colima",
        name=f"{kind} (profile: {profile})",
        endpoint=f"unix://{socket}",
        profile=profile,
        rank=RANK,
        selector=f"colima:{profile}",
    )


def _socket(profile: str, machine: Machine) -> Path:
    """Docker's socket or containerd's: what the settings say, if it is there; else Docker's, if that is there.

    Both are forwarded where the VM runs Docker.
    """
    folder = colima_home(machine) / profile
    docker, containerd = folder / DOCKER, folder / CONTAINERD
    wants_containerd = runtime_of(machine, profile) == "containerd"
    for socket in (containerd, docker) if wants_containerd else (docker, containerd):
        if exists(socket):
            return socket
    # Older versions have the default profile's one floor up.
    legacy = folder.parent / DOCKER
    if profile == DEFAULT and exists(legacy):
        return legacy
    return containerd if wants_containerd else docker


def _runs_containerd(platform: Platform) -> bool:
    return platform.endpoint.endswith(f"/{CONTAINERD}")
