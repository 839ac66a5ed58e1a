"""Which Podman is meant, whose it is, and what is said of it."""

from __future__ import annotations

import json
import os

import pytest

from dvm_runtimes.discovery.provider import NEVER
from dvm_runtimes.errors import RuntimeUnavailableError
from dvm_runtimes.platforms.podman.connections import Connection, read_connections
from dvm_runtimes.platforms.podman.provider import PodmanProvider

from .made_up import MadeUp

PODMAN = PodmanProvider()

OLD = """\
[engine]
active_service = "old"
[engine.service_destinations.old]
uri = "ssh://core@old.example:22/run/user/501/podman/podman.sock"
identity = "/keys/old"
[engine.service_destinations.broken]
identity = "/keys/broken"
"""
NEW = {
    "Connection": {
        "Default": "vm",
        "Connections": {
            "vm": {
                "URI": "ssh://core@127.0.0.1:5001/run/user/501/podman/podman.sock",
                "Identity": "/k",
                "IsMachine": True,
            },
            "vm-root": {"URI": "ssh://root@127.0.0.1:5001/run/podman/podman.sock", "Identity": "/k", "IsMachine": True},
            "far": {"URI": "tcp://10.0.0.9:8080"},
        },
    }
}


def connections(made: MadeUp) -> None:
    made.write("~/.config/containers/containers.conf", OLD)
    made.write("~/.config/containers/podman-connections.json", json.dumps(NEW))


def test_connections_of_both_files(mac: MadeUp) -> None:
    connections(mac)

    found = {one.name: one for one in read_connections(mac.machine)}

    assert list(found) == ["far", "old", "vm", "vm-root"]
    assert found["old"] == Connection("old", "ssh://core@old.example:22/run/user/501/podman/podman.sock", "/keys/old")
    assert found["vm"].default
    assert found["vm"].machine
    assert not found["old"].default


def test_only_the_older_file(linux: MadeUp) -> None:
    linux.write("/etc/containers/containers.conf", OLD)

    assert [(one.name, one.default) for one in read_connections(linux.machine)] == [("old", True)]


@pytest.mark.parametrize("variable", ["CONTAINERS_CONF", "PODMAN_CONNECTIONS_CONF", "XDG_CONFIG_HOME"])
def test_files_elsewhere(linux: MadeUp, variable: str) -> None:
    where = {
        "CONTAINERS_CONF": ("/x/my.conf", "/x/my.conf", OLD, "old"),
        "PODMAN_CONNECTIONS_CONF": ("/x/my.json", "/x/my.json", json.dumps(NEW), "vm"),
        "XDG_CONFIG_HOME": ("/x", "/x/containers/podman-connections.json", json.dumps(NEW), "vm"),
    }
    value, file, text, name = where[variable]
    linux.write(file, text)
    linux.env = {variable: str(linux.path(value))}

    assert name in [one.name for one in read_connections(linux.machine)]


@pytest.mark.parametrize(
    "text", ["{", "[]", "engine = 7", '{"Connection": 3}', '{"Connection": {"Connections": {"a": 1}}}']
)
def test_broken_files_are_left_to_podman(linux: MadeUp, text: str) -> None:
    linux.write("~/.config/containers/containers.conf", text)
    linux.write("~/.config/containers/podman-connections.json", text)

    assert read_connections(linux.machine) == []


def test_a_mac_uses_the_default_connection(mac: MadeUp, linux: MadeUp) -> None:
    for made in (mac, linux):
        connections(made)

    ranks = {one.profile: one.rank for one in PODMAN.find(mac.machine)}
    assert ranks == {"far": NEVER, "old": NEVER, "vm": 50, "vm-root": NEVER}
    assert {one.rank for one in PODMAN.find(linux.machine)} == {NEVER}
    assert PODMAN.select(mac.machine, "").profile == "vm"
    assert PODMAN.select(linux.machine, "").profile == "rootless"


def test_a_connection_is_spoken_to_with_its_key(mac: MadeUp) -> None:
    connections(mac)

    endpoint = PODMAN.endpoint(PODMAN.select(mac.machine, "vm-root"), mac.machine)

    assert (endpoint.scheme, endpoint.user, endpoint.host, endpoint.port) == ("ssh", "root", "127.0.0.1", 5001)
    assert endpoint.path == "/run/podman/podman.sock"
    assert endpoint.ssh_options == ("-i", "/k")


def test_container_host(linux: MadeUp) -> None:
    connections(linux)
    linux.live("/run/user/1234/podman/podman.sock")
    linux.env = {"CONTAINER_HOST": "ssh://ada@far.example/run/podman.sock", "CONTAINER_SSHKEY": "/keys/far"}

    platform = PODMAN.select(linux.machine, "")
    endpoint = PODMAN.endpoint(platform, linux.machine)

    assert platform.name == "Podman (CONTAINER_HOST)"
    assert (endpoint.host, endpoint.ssh_options) == ("far.example", ("-i", "/keys/far"))
    assert PODMAN.profile(platform, linux.machine).place == "remote"


def test_container_connection(linux: MadeUp) -> None:
    connections(linux)
    linux.env = {"CONTAINER_CONNECTION": "far"}

    assert PODMAN.select(linux.machine, "").endpoint == "tcp://10.0.0.9:8080"
    assert PODMAN.find(linux.machine)[0].rank == 50


def test_the_one_that_answers(linux: MadeUp) -> None:
    linux.stale("/run/user/1234/podman/podman.sock")
    assert PODMAN.select(linux.machine, "").profile == "rootless"
    linux.live("/run/podman/podman.sock")
    assert PODMAN.select(linux.machine, "").profile == "rootful"
    assert PODMAN.select(linux.machine, "rootless").profile == "rootless"


def test_a_name_that_there_is_not(linux: MadeUp) -> None:
    connections(linux)

    with pytest.raises(RuntimeUnavailableError, match="Podman has no 'rotless'") as caught:
        PODMAN.select(linux.machine, "rotless")
    assert "Did you mean 'rootless'?" in caught.value.hint


def test_a_rootless_engine_maps_its_owner_to_itself(linux: MadeUp) -> None:
    linux.live("/run/user/1234/podman/podman.sock")
    socket = linux.path("/run/user/1234/podman/podman.sock")
    owner = 4321 if os.geteuid() == 0 else os.geteuid()
    if os.geteuid() == 0:
        os.chown(socket, owner, owner)

    profile = PODMAN.profile(PODMAN.select(linux.machine, ""), linux.machine)

    assert profile.keep_id
    assert profile.user == (owner, socket.stat().st_gid)
    assert profile.platform_type == "podman"


def test_a_rootless_engine_that_is_not_there_yet_will_be_this_user_s(linux: MadeUp) -> None:
    profile = PODMAN.profile(PODMAN.select(linux.machine, "rootless"), linux.machine)

    assert profile.user == (1234, 1234)


def test_root_s_engine_maps_nobody(linux: MadeUp) -> None:
    profile = PODMAN.profile(PODMAN.select(linux.machine, "rootful"), linux.machine)

    assert not profile.keep_id
    assert profile.user is None


def test_whose_a_machine_is(mac: MadeUp) -> None:
    connections(mac)
    mac.stale("~/.local/share/containers/podman/machine/podman.sock")
    machine = mac.machine

    own = PODMAN.profile(PODMAN.select(machine, "podman-machine-default"), machine)
    assert (own.place, own.keep_id, own.user) == ("vm", True, (501, 501))
    by_ssh = PODMAN.profile(PODMAN.select(machine, "vm"), machine)
    assert (by_ssh.place, by_ssh.keep_id, by_ssh.user) == ("vm", True, (501, 501))
    root = PODMAN.profile(PODMAN.select(machine, "vm-root"), machine)
    assert (root.place, root.keep_id) == ("vm", False)


@pytest.mark.parametrize(
    ("systemd", "profile", "uid", "command"),
    [
        (True, "rootless", 1234, "systemctl --user enable --now podman.socket"),
        (True, "rootful", 1234, "sudo systemctl enable --now podman.socket"),
        (False, "rootless", 1234, "podman system service --time=0 unix://"),
        (False, "rootful", 1234, "sudo podman system service --time=0 unix://"),
        (False, "rootful", 0, "podman system service --time=0 unix://"),
    ],
)
def test_how_it_is_started(linux: MadeUp, systemd: bool, profile: str, uid: int, command: str) -> None:
    linux.uid = uid
    if systemd:
        linux.folder("/run/systemd/system")

    hints = PODMAN.profile(PODMAN.select(linux.machine, profile), linux.machine).hints

    assert hints.start.startswith(f"Start its service with `{command}")


def test_how_a_machine_is_started(mac: MadeUp) -> None:
    mac.stale("~/.local/share/containers/podman/machine/podman.sock")
    mac.stale("~/.local/share/containers/podman/machine/work/podman.sock")

    hints = {one.profile: one.hint for one in mac.platforms()}

    assert hints == {
        "podman-machine-default": "Start it with `podman machine start`.",
        "work": "Start it with `podman machine start work`.",
    }


def test_installed_and_not_running(linux: MadeUp) -> None:
    assert linux.platforms() == []
    linux.write("/usr/bin/podman", "#!/bin/sh\n").chmod(0o755)

    (platform,) = linux.platforms()

    assert (platform.selector, platform.reachable) == ("podman:rootless", False)
    assert "podman system service" in platform.hint


def test_install_hints(linux: MadeUp, mac: MadeUp) -> None:
    assert "podman.socket" in PODMAN.install_hint(linux.machine)
    assert "podman machine init" in PODMAN.install_hint(mac.machine)
