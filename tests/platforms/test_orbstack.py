"""OrbStack is found where it listens, and by the link that it leaves."""

from __future__ import annotations

import pytest

from dvm_runtimes.errors import RuntimeUnavailableError
from dvm_runtimes.platforms.orbstack import OrbStackProvider

from .made_up import MadeUp

ORBSTACK = OrbStackProvider()


def test_names_and_hints(mac: MadeUp) -> None:
    mac.stale("~/.orbstack/run/docker.sock")

    (platform,) = mac.platforms()
    profile = ORBSTACK.profile(platform, mac.machine)

    assert (platform.name, platform.type, platform.rank) == ("OrbStack", "orbstack", 10)
    assert platform.hint == "Start it with `orb start`, or `open -a OrbStack`."
    assert profile.place == "vm"
    assert profile.ssh_agent_socket == "/run/host-services/ssh-auth.sock"


def test_asked_for_where_it_is_not(mac: MadeUp) -> None:
    assert ORBSTACK.select(mac.machine, "").endpoint == f"unix://{mac.home}/.orbstack/run/docker.sock"
    with pytest.raises(RuntimeUnavailableError, match="OrbStack has no 'work'"):
        ORBSTACK.select(mac.machine, "work")


def test_its_own_socket_before_the_link(mac: MadeUp) -> None:
    mac.live("/opt/orbstack/docker.sock")
    mac.link("/var/run/docker.sock", "/opt/orbstack/docker.sock")
    assert ORBSTACK.select(mac.machine, "").endpoint == f"unix://{mac.root}/var/run/docker.sock"
    mac.live("~/.orbstack/run/docker.sock")
    assert ORBSTACK.select(mac.machine, "").endpoint == f"unix://{mac.home}/.orbstack/run/docker.sock"


def test_somebody_else_s_link_is_none_of_its(mac: MadeUp) -> None:
    mac.live("~/.docker/run/docker.sock")
    mac.link("/var/run/docker.sock", "~/.docker/run/docker.sock")

    assert ORBSTACK.find(mac.machine) == []


def test_only_a_mac_is_told_to_install_it(linux: MadeUp, mac: MadeUp) -> None:
    assert ORBSTACK.install_hint(linux.machine) == ""
    assert "brew install orbstack" in ORBSTACK.install_hint(mac.machine)
