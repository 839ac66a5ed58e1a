"""Whole machines, each once with live engines and once with nothing but what engines leave behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from .conftest import unprivileged
from .made_up import MadeUp

Arrange = Callable[[MadeUp], object]


@dataclass(frozen=True)
class Tree:
    """A machine, and what is found on it.

    Attributes:
        sockets: every place where something listens, or has listened.
        found: the selectors in the order of ``auto``.
        arrange: puts other things there.
        env: its variables; ``{root}`` and ``{home}`` are filled in.
        dead: sockets that are stale even on the live machine; those that lead there are not reachable.
    """

    sockets: tuple[str, ...]
    found: tuple[str, ...]
    arrange: Arrange = lambda _: None
    env: dict[str, str] = field(default_factory=dict)
    dead: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    system: str = "linux"
    uid: int = 1234


def _links(name: str, target: str) -> Arrange:
    return lambda made: made.link(name, target)


def _folders(*names: str) -> Arrange:
    return lambda made: [made.folder(name) for name in names]


def _settings(profile: str, text: str) -> Arrange:
    return lambda made: made.write(f"~/.colima/{profile}/colima.yaml", text)


TREES = {
    "docker alone": Tree(("/var/run/docker.sock",), ("docker:default",)),
    "docker rootless in the session's folder": Tree(
        ("/sess/docker.sock",), ("docker:rootless",), env={"XDG_RUNTIME_DIR": "{root}/sess"}
    ),
    "docker rootless by uid": Tree(("/run/user/1234/docker.sock",), ("docker:rootless",)),
    "docker rootless without a session": Tree(("~/.docker/run/docker.sock",), ("docker:rootless",)),
    "docker rootful and rootless": Tree(
        ("/var/run/docker.sock", "/run/user/1234/docker.sock"), ("docker:default", "docker:rootless")
    ),
    "somebody else's rootless docker": Tree(("/run/user/1000/docker.sock",), ()),
    "docker desktop on linux": Tree(
        ("~/.docker/desktop/docker.sock", "/var/run/docker.sock"), ("docker:desktop-linux", "docker:default")
    ),
    "docker desktop on a mac": Tree(("~/.docker/run/docker.sock",), ("docker:desktop-linux",), system="darwin"),
    "docker desktop on a mac, linked": Tree(
        ("~/.docker/run/docker.sock",),
        ("docker:desktop-linux",),
        _links("/var/run/docker.sock", "~/.docker/run/docker.sock"),
        system="darwin",
    ),
    "rancher desktop": Tree(("~/.rd/docker.sock",), ("docker:rancher-desktop",), system="darwin"),
    "plain lima": Tree(
        ("~/.lima/work/sock/docker.sock", "~/.lima/_config/sock/docker.sock"), ("docker:lima-work",), system="darwin"
    ),
    "finch": Tree(("/Applications/Finch/lima/data/finch/sock/finch.sock",), ("docker:finch",), system="darwin"),
    "DOCKER_HOST": Tree(
        ("/srv/my.sock", "/var/run/docker.sock"),
        ("docker", "docker:default"),
        env={"DOCKER_HOST": "unix://{root}/srv/my.sock"},
    ),
    "DOCKER_HOST at a known place": Tree(
        ("/var/run/docker.sock",), ("docker",), env={"DOCKER_HOST": "unix://{root}/var/run/docker.sock"}
    ),
    "DOCKER_HOST at colima's socket": Tree(
        ("~/.colima/default/docker.sock",),
        ("colima:default",),
        env={"DOCKER_HOST": "unix://{home}/.colima/default/docker.sock"},
        system="darwin",
    ),
    "DOCKER_HOST at podman's socket": Tree(
        ("/run/user/1234/podman/podman.sock",),
        ("podman:rootless",),
        env={"DOCKER_HOST": "unix://{root}/run/user/1234/podman/podman.sock"},
    ),
    "orbstack": Tree(("~/.orbstack/run/docker.sock",), ("orbstack",), system="darwin"),
    "orbstack, through the common link": Tree(
        ("~/.orbstack/run/docker.sock",),
        ("orbstack",),
        _links("/var/run/docker.sock", "~/.orbstack/run/docker.sock"),
        system="darwin",
    ),
    "orbstack, only through the common link": Tree(
        ("/opt/orbstack/docker.sock",),
        ("orbstack",),
        _links("/var/run/docker.sock", "/opt/orbstack/docker.sock"),
        system="darwin",
    ),
    "orbstack that was never started": Tree(
        ("/var/run/docker.sock",),
        ("orbstack", "docker:default"),
        _folders("~/.orbstack"),
        unreachable=("orbstack",),
        system="darwin",
    ),
    "podman-docker's link": Tree(
        ("/run/podman/podman.sock",), ("podman:rootful",), _links("/var/run/docker.sock", "/run/podman/podman.sock")
    ),
    "colima's default profile": Tree(("~/.colima/default/docker.sock",), ("colima:default",)),
    "colima's old place": Tree(("~/.colima/docker.sock",), ("colima:default",), _folders("~/.colima/default")),
    "two profiles of colima": Tree(
        ("~/.colima/default/docker.sock", "~/.colima/work/docker.sock"), ("colima:default", "colima:work")
    ),
    "both sockets in one profile": Tree(
        ("~/.colima/work/docker.sock", "~/.colima/work/containerd.sock"), ("colima:work",)
    ),
    "only colima's own folders": Tree((), (), _folders("~/.colima/_lima", "~/.colima/_store", "~/.colima/.cache")),
    "bad profile names": Tree((), (), _folders("~/.colima/a b", "~/.colima/-x", "~/.colima/a..b", "~/.colima/a;b")),
    "a profile chosen by the environment": Tree(
        ("~/.colima/default/docker.sock", "~/.colima/work/docker.sock"),
        ("colima:work", "colima:default"),
        env={"COLIMA_PROFILE": "work"},
    ),
    "a profile chosen by its long name": Tree(
        ("~/.colima/default/docker.sock", "~/.colima/work/docker.sock"),
        ("colima:work", "colima:default"),
        env={"COLIMA_PROFILE": "colima-work"},
    ),
    "an impossible profile chosen": Tree(
        ("~/.colima/default/docker.sock",), ("colima:default",), env={"COLIMA_PROFILE": "../etc"}
    ),
    "a linked profile is no second one": Tree(
        ("~/.colima/work/docker.sock",), ("colima:work",), _links("~/.colima/alias", "~/.colima/work")
    ),
    "COLIMA_HOME": Tree(
        ("/vol/colima/default/docker.sock",), ("colima:default",), env={"COLIMA_HOME": "{root}/vol/colima"}
    ),
    "COLIMA_HOME that is not there": Tree(
        ("~/.colima/default/docker.sock",), ("colima:default",), env={"COLIMA_HOME": "{root}/nowhere"}
    ),
    "colima under XDG_CONFIG_HOME": Tree(
        ("~/cfg/colima/default/docker.sock",), ("colima:default",), env={"XDG_CONFIG_HOME": "{home}/cfg"}
    ),
    "colima under ~/.config": Tree(("~/.config/colima/default/docker.sock",), ("colima:default",)),
    "a stopped profile": Tree(
        ("~/.colima/default/docker.sock",),
        ("colima:default", "colima:work"),
        _settings("work", "runtime: docker\n"),
        unreachable=("colima:work",),
    ),
    "podman rootless by uid": Tree(("/run/user/1234/podman/podman.sock",), ("podman:rootless",)),
    "podman rootless in the session's folder": Tree(
        ("/sess/podman/podman.sock",), ("podman:rootless",), env={"XDG_RUNTIME_DIR": "{root}/sess"}
    ),
    "somebody else's podman": Tree(("/run/user/1000/podman/podman.sock",), ()),
    "podman rootful and rootless": Tree(
        ("/run/podman/podman.sock", "/run/user/1234/podman/podman.sock"), ("podman:rootless", "podman:rootful")
    ),
    "podman rootful and rootless, as root": Tree(
        ("/run/podman/podman.sock", "/run/user/0/podman/podman.sock"), ("podman:rootful", "podman:rootless"), uid=0
    ),
    "podman machine": Tree(
        ("~/.local/share/containers/podman/machine/podman.sock",), ("podman:podman-machine-default",), system="darwin"
    ),
    "podman machine of version 4": Tree(
        ("~/.local/share/containers/podman/machine/qemu/podman.sock",),
        ("podman:podman-machine-default",),
        system="darwin",
    ),
    "podman machine in TMPDIR without a slash": Tree(
        ("/tmp/t/podman/podman-machine-default-api.sock",),
        ("podman:podman-machine-default",),
        env={"TMPDIR": "{root}/tmp/t"},
        system="darwin",
    ),
    "podman machine in TMPDIR with a slash": Tree(
        ("/tmp/t/podman/other-api.sock",), ("podman:other",), env={"TMPDIR": "{root}/tmp/t/"}, system="darwin"
    ),
    "podman machine in another session's TMPDIR": Tree(
        ("/var/folders/zz/abc/T/podman/podman-machine-default-api.sock",),
        ("podman:podman-machine-default",),
        system="darwin",
    ),
    "podman machine by two paths": Tree(
        ("/var/folders/zz/abc/T/podman/podman-machine-default-api.sock",),
        ("podman:podman-machine-default",),
        _links(
            "~/.local/share/containers/podman/machine/podman.sock",
            "/var/folders/zz/abc/T/podman/podman-machine-default-api.sock",
        ),
        system="darwin",
    ),
    "CONTAINER_HOST": Tree(("/srv/p.sock",), ("podman",), env={"CONTAINER_HOST": "unix://{root}/srv/p.sock"}),
    "everything at once": Tree(
        (
            "/var/run/docker.sock",
            "/run/podman/podman.sock",
            "~/.colima/default/docker.sock",
            "~/.colima/work/docker.sock",
            "~/.docker/desktop/docker.sock",
            "~/.orbstack/run/docker.sock",
        ),
        (
            "orbstack",
            "colima:default",
            "colima:work",
            "docker:desktop-linux",
            "docker:default",
            "podman:rootful",
        ),
    ),
    "a stale colima before a live docker": Tree(
        ("/var/run/docker.sock",),
        ("colima:default", "docker:default"),
        dead=("~/.colima/default/docker.sock",),
        unreachable=("colima:default",),
    ),
    "a link into nowhere before a live podman": Tree(
        ("/run/user/1234/podman/podman.sock",),
        ("docker:default", "podman:rootless"),
        _links("/var/run/docker.sock", "~/.gone/docker.sock"),
        unreachable=("docker:default",),
    ),
}


@pytest.fixture(params=[pytest.param(tree, id=name) for name, tree in TREES.items()])
def tree(request: pytest.FixtureRequest) -> Tree:
    given: Tree = request.param
    return given


@pytest.fixture
def made(tree: Tree) -> Iterator[MadeUp]:
    with MadeUp(tree.uid, tree.system) as made:
        made.env = {key: value.format(root=made.root, home=made.home) for key, value in tree.env.items()}
        yield made


def test_live(tree: Tree, made: MadeUp) -> None:
    for socket in tree.sockets:
        made.live(socket)
    for socket in tree.dead:
        made.stale(socket)
    tree.arrange(made)

    platforms = made.platforms()

    assert [one.selector for one in platforms] == list(tree.found)
    assert [one.selector for one in platforms if not one.reachable] == list(tree.unreachable)
    for one in platforms:
        assert one.reachable == (one.version == "99.1.0") == (not one.problem)


@pytest.mark.parametrize("leave", [MadeUp.stale, MadeUp.plain_file], ids=["stale", "file"])
def test_left_behind(tree: Tree, made: MadeUp, leave: Callable[[MadeUp, str], None]) -> None:
    for socket in (*tree.sockets, *tree.dead):
        leave(made, socket)
    tree.arrange(made)

    platforms = made.platforms()

    assert [one.selector for one in platforms] == list(tree.found)
    for one in platforms:
        assert not one.reachable
        assert not one.active
        assert one.version == ""
        assert "is not running" in one.problem
        assert one.hint


@pytest.mark.parametrize("folder", ["~/.colima", "~/.lima", "~/.docker", "~/.orbstack", "/run", "/var", "~"])
def test_folders_that_may_not_be_read_hide_nobody(linux: MadeUp, folder: str) -> None:
    linux.root.chmod(0o755)
    for place in ("~/.colima/default/docker.sock", "~/.lima/a/sock/docker.sock", "~/.docker/run/docker.sock"):
        linux.stale(place)
    linux.live("/sess/docker.sock")
    (linux.root / "sess/docker.sock").chmod(0o777)
    linux.folder(folder).chmod(0o700)
    linux.env["XDG_RUNTIME_DIR"] = str(linux.root / "sess")

    with unprivileged():
        platforms = linux.platforms()

    assert [one.selector for one in platforms if one.reachable] == ["docker:rootless"]
    assert not any("Errno" in one.problem for one in platforms)
