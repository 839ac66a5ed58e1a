"""Colima's profiles, and which folders their VMs see."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvm_runtimes.errors import InvalidOptionError, RuntimeUnavailableError
from dvm_runtimes.platforms.colima.files import colima_home, path_in_vm, runtime_of, shares_of, short_name
from dvm_runtimes.platforms.colima.provider import ColimaProvider

from .made_up import PATIENT, MadeUp

COLIMA = ColimaProvider()

WRITTEN = """\
# Number of CPUs to be allocated to the virtual machine.
cpu: 2
runtime: docker   # docker, containerd
# Configure volume mounts for the virtual machine.
mounts:
  - location: ~/code
    writable: true
  - location: "/srv/data"   # read only
    writable: false
    mountPoint: /data
  - mountPoint: /mnt/notes
    location: '/srv/my notes'
env: {}
"""


def settings(made: MadeUp, text: str, profile: str = "default") -> None:
    made.write(f"~/.colima/{profile}/colima.yaml", text)


def seen(made: MadeUp, path: str, profile: str = "default") -> str:
    return path_in_vm(Path(path), "app_path", made.machine, profile)


# Profiles


@pytest.mark.parametrize(
    ("name", "short"), [("colima", "default"), ("colima-x", "x"), ("x", "x"), ("colima-", "default")]
)
def test_two_names_of_one_profile(name: str, short: str) -> None:
    assert short_name(name) == short


def test_the_profile_that_is_meant(linux: MadeUp) -> None:
    linux.live("~/.colima/default/docker.sock")
    linux.live("~/.colima/work/docker.sock")

    assert COLIMA.select(linux.machine, "").profile == "default"
    assert COLIMA.select(linux.machine, "work").profile == "work"
    assert COLIMA.select(linux.machine, "colima-work").profile == "work"
    linux.env = {"COLIMA_PROFILE": "work"}
    assert COLIMA.select(linux.machine, "").profile == "work"
    assert COLIMA.select(linux.machine, "default").profile == "default"


def test_without_a_choice_the_profile_that_runs(linux: MadeUp) -> None:
    linux.stale("~/.colima/default/docker.sock")
    linux.live("~/.colima/work/docker.sock")

    assert COLIMA.select(linux.machine, "").profile == "work"


def test_without_any_profile_the_default_one(linux: MadeUp) -> None:
    platform = COLIMA.select(linux.machine, "")

    assert platform.profile == "default"
    assert COLIMA.probe(platform, linux.machine, PATIENT).hint == "Start it with `colima start`."


def test_a_profile_that_there_is_not(linux: MadeUp) -> None:
    linux.folder("~/.colima/work")

    with pytest.raises(RuntimeUnavailableError, match="Colima has no 'wrok'") as caught:
        COLIMA.select(linux.machine, "wrok")
    assert caught.value.hint == "There are: work. Did you mean 'work'?"
    with pytest.raises(RuntimeUnavailableError):
        COLIMA.select(linux.machine, "../etc")


def test_names_and_hints(linux: MadeUp) -> None:
    linux.stale("~/.colima/work/docker.sock")

    (platform,) = linux.platforms()
    profile = COLIMA.profile(platform, linux.machine)

    assert platform.name == profile.platform_name == "Colima (profile: work)"
    assert platform.hint == "Start it with `colima start work`."
    assert profile.place == "vm"
    assert profile.user is None


@pytest.mark.parametrize(
    ("sockets", "text", "kind"),
    [
        (("docker.sock",), "", "docker"),
        (("containerd.sock",), "", "containerd"),
        (("docker.sock", "containerd.sock"), "", "docker"),
        (("docker.sock", "containerd.sock"), "runtime: docker\n", "docker"),
        (("docker.sock", "containerd.sock"), "runtime: containerd\n", "containerd"),
        (("docker.sock",), "runtime: containerd\n", "docker"),
        ((), "runtime: containerd\n", "containerd"),
        ((), 'runtime: "docker"\n', "docker"),
        ((), "", "docker"),
    ],
)
def test_docker_or_containerd(linux: MadeUp, sockets: tuple[str, ...], text: str, kind: str) -> None:
    settings(linux, text)
    for socket in sockets:
        linux.stale(f"~/.colima/default/{socket}")

    platform = COLIMA.select(linux.machine, "")

    assert platform.endpoint == f"unix://{linux.home}/.colima/default/{kind}.sock"
    assert ("containerd" in platform.name) == (kind == "containerd")


def test_only_a_mac_is_told_to_install_it(linux: MadeUp, mac: MadeUp) -> None:
    assert COLIMA.install_hint(linux.machine) == ""
    assert "brew install colima" in COLIMA.install_hint(mac.machine)


def test_homes_in_colima_s_own_order(linux: MadeUp, mac: MadeUp) -> None:
    assert colima_home(mac.machine) == mac.home / ".colima"
    assert colima_home(linux.machine) == linux.home / ".config/colima"
    mac.folder("~/.config/colima")
    assert colima_home(mac.machine) == mac.home / ".config/colima"
    for made in (linux, mac):
        made.env = {"XDG_CONFIG_HOME": "/xdg"}
        assert colima_home(made.machine) == Path("/xdg/colima")
        old = made.folder("~/.colima")
        assert colima_home(made.machine) == old
        own = made.folder("/own")
        made.env["COLIMA_HOME"] = str(own)
        assert colima_home(made.machine) == own


# What the VM sees


def test_settings_as_colima_writes_them(linux: MadeUp) -> None:
    settings(linux, WRITTEN)

    shares = shares_of(linux.machine, "default")

    assert runtime_of(linux.machine, "default") == "docker"
    assert shares is not None
    assert [(str(one.location), one.mount_point, one.writable) for one in shares] == [
        (f"{linux.home}/code", f"{linux.home}/code", True),
        ("/srv/data", "/data", False),
        ("/srv/my notes", "/mnt/notes", False),
    ]


def test_paths_are_translated(linux: MadeUp) -> None:
    settings(linux, WRITTEN)

    assert seen(linux, f"{linux.home}/code/shop") == f"{linux.home}/code/shop"
    assert seen(linux, "/srv/data/x/y") == "/data/x/y"
    assert seen(linux, "/srv/my notes") == "/mnt/notes"


@pytest.mark.parametrize("path", ["/srv/database", "/srv", "/opt/x"])
def test_a_path_that_the_vm_does_not_see_is_refused(linux: MadeUp, path: str) -> None:
    settings(linux, WRITTEN, "work")

    with pytest.raises(
        InvalidOptionError, match=r"^app_path=.*profile 'work' does not see it; it sees .*/code, /srv/data"
    ) as caught:
        seen(linux, path, "work")
    hint = caught.value.hint
    assert "`- location: " in hint
    assert f"{linux.home}/.colima/work/colima.yaml" in hint
    assert "`colima stop work && colima start work`" in hint


@pytest.mark.parametrize("text", ["mounts: []\n", "cpu: 2\n", "mounts:\nenv: {}\n", "mounts: null\n"])
def test_without_a_list_the_vm_sees_the_home_folder(linux: MadeUp, text: str) -> None:
    settings(linux, text)

    assert seen(linux, f"{linux.home}/shop") == f"{linux.home}/shop"
    with pytest.raises(InvalidOptionError, match="it sees"):
        seen(linux, "/opt/shop")


@pytest.mark.parametrize(
    "text", ["mounts: [{location: /srv}]\n", "mounts:\n  location: /srv\n", "mounts:\n  - /srv\n", ""]
)
def test_what_cannot_be_read_for_certain_refuses_nothing(linux: MadeUp, text: str) -> None:
    """Colima itself then tells what is wrong; a wrong refusal could not be helped by anybody."""
    settings(linux, text)

    assert shares_of(linux.machine, "default") is None
    assert seen(linux, "/opt/shop") == "/opt/shop"


def test_a_list_without_indentation(linux: MadeUp) -> None:
    settings(linux, "mounts:\n- location: /srv\n  writable: true\ncpu: 2\n")

    assert seen(linux, "/srv/x") == "/srv/x"


def test_a_link_is_no_way_out(linux: MadeUp) -> None:
    """Paths come with their links followed, and so are the folders that are shared."""
    linux.folder("/real")
    linux.link("~/code", "/real")
    settings(linux, WRITTEN)

    assert seen(linux, f"{linux.root}/real/x") == f"{linux.home}/code/x"


def test_the_engine_asks_for_the_path(linux: MadeUp) -> None:
    settings(linux, WRITTEN)
    profile = COLIMA.profile(COLIMA.select(linux.machine, ""), linux.machine)

    assert profile.host_path is not None
    assert profile.host_path(Path("/srv/data"), "app_path") == "/data"
    with pytest.raises(InvalidOptionError):
        profile.host_path(Path("/opt"), "app_path")
