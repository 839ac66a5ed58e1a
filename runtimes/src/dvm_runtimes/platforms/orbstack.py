"""OrbStack: a Docker engine in its own VM, on its own socket."""

from __future__ import annotations

from pathlib import Path

from dvm_runtimes.discovery.machine import Machine, exists, is_folder
from dvm_runtimes.engines.docker_api import DockerProfile, Endpoint, Hints
from dvm_runtimes.engines.docker_api.provider import DockerApiProvider, no_such_profile
from dvm_runtimes.infos import Platform
from dvm_runtimes.platforms.docker.places import VM_AGENT

RANK = 10

PROFILE = DockerProfile(
    platform_type="orbstack",
    platform_name="OrbStack",
    place="vm",
    hints=Hints(
        start="Start it with `orb start`, or `open -a OrbStack`.",
        permission="Start OrbStack as the user you are now: `orb start`.",
        bind="OrbStack shares all of the Mac's files; check the path's spelling.",
        disk="Free space with `docker --context orbstack system prune`.",
        login="Log in with `docker --context orbstack login`, or check the name.",
    ),
    ssh_agent_socket=VM_AGENT,
)


class OrbStackProvider(DockerApiProvider):
    """``orbstack``: there is at most one.

    It gives each container a name of its own, ``NAME.orb.local``, besides the
    published ports, and knows the Mac as ``host.docker.internal``.
    """

    name = "orbstack"

    def find(self, machine: Machine) -> list[Platform]:
        installed = is_folder(machine.home / ".orbstack") or _linked_socket(machine) is not None
        return [self.select(machine, "")] if installed else []

    def select(self, machine: Machine, profile: str) -> Platform:
        if profile:
            raise no_such_profile("OrbStack", profile, [])
        own = machine.home / ".orbstack/run/docker.sock"
        socket = own if exists(own) else _linked_socket(machine) or own
        return Platform("orbstack", "OrbStack", f"unix://{socket}", rank=RANK, selector="orbstack")

    def endpoint(self, platform: Platform, machine: Machine) -> Endpoint:
        return Endpoint.parse(platform.endpoint)

    def profile(self, platform: Platform, machine: Machine) -> DockerProfile:
        return PROFILE

    def install_hint(self, machine: Machine) -> str:
        return "OrbStack: `brew install orbstack`." if machine.system == "darwin" else ""


def _linked_socket(machine: Machine) -> Path | None:
    """The machine's common socket, where OrbStack has made that a link to its own."""
    socket = machine.path("/var/run/docker.sock")
    try:
        return socket if "orbstack" in str(socket.readlink()).lower() else None
    except OSError:
        return None  # no link, or not for this user
