"""From options to the container that is made: every default, every rule, and the hash that tells drift."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes import Capabilities, InvalidOptionError, Mount, Port, StartOptions, UnsupportedError
from dvm_runtimes.engines.base import ContainerSpec
from dvm_runtimes.engines.mock import MockEngine
from dvm_runtimes.validation.naming import EXPIRES, IMAGE, MANAGED, OWNER, SPEC
from dvm_runtimes.workspaces.planning import SHELL_CAPABILITIES, plan, spec_hash, with_image

IMAGE_ID = "sha256:" + "1" * 64


class Planned(MockEngine):
    """An engine of which only the answers that plans need are asked."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.platform_name = "Test VM"
        self._answers = {"user": (1000, 1000), "keep_id": False, "able": Capabilities(), "agent": "", **answers}

    @property
    def capabilities(self) -> Capabilities:
        able: Capabilities = self._answers["able"]
        return able

    def default_user(self) -> tuple[int, int] | None:
        user: tuple[int, int] | None = self._answers["user"]
        return user

    def keep_id(self) -> bool:
        return bool(self._answers["keep_id"])

    def ssh_agent_socket(self) -> str:
        return str(self._answers["agent"])

    def host_path(self, path: Path, field: str) -> str:
        return f"/vm{path}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def planned(home: Path) -> Callable[..., ContainerSpec]:
    """Plans options on an engine with these answers."""

    def planned(engine: Planned | None = None, **options: Any) -> ContainerSpec:
        given = StartOptions(**{"image_name": "debian:12", "workspace_name": "dev", **options})
        return plan(given, engine or Planned(), home=home)

    return planned


Plan = Callable[..., ContainerSpec]


def test_a_plain_plan(planned: Plan) -> None:
    assert planned(app_name="shop") == ContainerSpec(
        name="dvm-shop-dev",
        image="debian:12",
        entrypoint=("sleep", "infinity"),
        command=(),
        env={"DVM_APP": "shop", "DVM_WORKSPACE": "dev"},
        labels={
            MANAGED: "true",
            "io.devopsmaestro.app": "shop",
            "io.devopsmaestro.workspace": "dev",
            IMAGE: "debian:12",
        },
        working_dir="/workspace",
        user="1000:1000",
        init=True,
        pids_limit=4096,
        cap_drop=("ALL",),
        cap_add=SHELL_CAPABILITIES,
        security_opt=("no-new-privileges",),
    )


@pytest.mark.parametrize(
    ("options", "entrypoint", "command"),
    [
        ({}, ("sleep", "infinity"), ()),
        ({"command": ["make"]}, None, ("make",)),
        ({"entrypoint": ["tini", "--"]}, ("tini", "--"), None),
        ({"entrypoint": [], "command": ["make"]}, (), ("make",)),
    ],
)
def test_the_main_process(planned: Plan, options: dict[str, Any], entrypoint: Any, command: Any) -> None:
    spec = planned(**options)
    assert (spec.entrypoint, spec.command) == (entrypoint, command)


@pytest.mark.parametrize(
    ("uid", "gid", "user"),
    [
        (None, None, "1000:1000"),
        (1001, 1001, "1001:1001"),
        (2000, None, "2000:1000"),
        (None, 2000, "1000:2000"),
        (1, 1, "1:1"),
        (0, 0, "0:0"),
        (0, None, "0:1000"),
    ],
)
def test_the_user(planned: Plan, uid: int | None, gid: int | None, user: str) -> None:
    assert planned(uid=uid, gid=gid).user == user


def test_the_user_of_an_image_that_knows_best(planned: Plan) -> None:
    assert planned(Planned(user=None)).user == ""
    assert planned(Planned(user=None), uid=5).user == "5:0"


def test_ids_are_kept_only_where_nobody_asked_for_others(planned: Plan) -> None:
    assert planned(Planned(keep_id=True)).keep_id
    assert not planned(Planned(keep_id=True), uid=0).keep_id
    assert not planned(Planned(keep_id=True), gid=0).keep_id
    assert not planned().keep_id


def test_the_environment(planned: Plan, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=file\nB=file\n")
    assert dict(planned(env_file=file, env={"B": "given"}).env) == {"A": "file", "B": "given", "DVM_WORKSPACE": "dev"}


def test_mounts_are_paths_of_the_engines_host(planned: Plan, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    spec = planned(
        app_path=tmp_path / "link",
        mounts=[
            Mount(os.fspath(tmp_path / "real"), "/all", read_only=True),
            Mount("data", "/data", "volume"),
            Mount("", "/scratch", "tmpfs"),
        ],
    )
    real = os.path.realpath(tmp_path)
    assert spec.mounts == (
        Mount(f"/vm{real}/real", "/workspace"),
        Mount(f"/vm{real}/real", "/all", read_only=True),
        Mount("data", "/data", "volume"),
        Mount("", "/scratch", "tmpfs"),
    )


def test_a_mount_is_named_by_its_place_in_the_list(planned: Plan) -> None:
    with pytest.raises(InvalidOptionError, match=r"mounts\[1\]\.source"):
        planned(mounts=[Mount("data", "/data", "volume"), Mount("/etc", "/x")])


def test_a_read_only_root_has_a_tmp(planned: Plan) -> None:
    tmp = Mount("", "/tmp", "tmpfs")
    assert planned(read_only_root=True).mounts == (tmp,)
    own = Mount("scratch", "/tmp", "volume")
    assert planned(read_only_root=True, mounts=[own]).mounts == (own,)
    assert planned().mounts == ()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cap_add": ["NET_RAW", "cap_bpf", "CHOWN"]}, {"cap_add": (*SHELL_CAPABILITIES, "NET_RAW", "BPF")}),
        ({"security_opt": ["seccomp=x"]}, {"security_opt": ("no-new-privileges", "seccomp=x")}),
        ({"security_opt": ["no-new-privileges:false"]}, {"security_opt": ("no-new-privileges:false",)}),
        ({"privileged": True}, {"privileged": True, "cap_drop": (), "cap_add": (), "security_opt": ()}),
        ({"privileged": True, "cap_add": ["ALL"]}, {"cap_drop": (), "cap_add": ("ALL",)}),
        ({"memory": "512m", "shm_size": 1024, "cpus": 1}, {"memory": 512 << 20, "shm_size": 1024, "cpus": 1.0}),
        ({"pids_limit": None}, {"pids_limit": None}),
    ],
)
def test_rights_and_limits(planned: Plan, options: dict[str, Any], expected: dict[str, Any]) -> None:
    spec = planned(**options)
    assert {name: getattr(spec, name) for name in expected} == expected


def test_a_default_limit_is_no_wish(planned: Plan) -> None:
    able = Capabilities(resource_limits=False, reasons={"resource_limits": "no cgroups"})
    assert planned(Planned(able=able)).pids_limit is None


@pytest.mark.parametrize(
    ("capability", "options"),
    [
        ("bind_mounts", {"app_path": "/tmp"}),
        ("bind_mounts", {"mounts": [Mount("/tmp", "/x")]}),
        ("named_volumes", {"mounts": [Mount("data", "/x", "volume")]}),
        ("tmpfs", {"mounts": [Mount("", "/x", "tmpfs")]}),
        ("ports", {"ports": [Port(80)]}),
        ("host_network", {"network_mode": "host"}),
        ("network_modes", {"network_mode": "none"}),
        ("extra_hosts", {"extra_hosts": {"a": "1.2.3.4"}}),
        ("resource_limits", {"memory": "1g"}),
        ("resource_limits", {"cpus": 1}),
        ("read_only_root", {"read_only_root": True}),
        ("capabilities", {"cap_add": ["NET_RAW"]}),
        ("user", {"uid": 0}),
        ("platforms", {"platform": "linux/arm64"}),
        ("ssh_agent", {"ssh_agent_forwarding": True}),
    ],
)
def test_what_an_engine_cannot_do_is_refused(planned: Plan, capability: str, options: dict[str, Any]) -> None:
    able = Capabilities(**{capability: False}, reasons={capability: "because of that"})
    with pytest.raises(UnsupportedError, match="because of that") as caught:
        planned(Planned(able=able), **options)
    assert (caught.value.platform, caught.value.operation) == ("Test VM", "start_workspace")
    planned(Planned(able=able))


# SSH and git


def test_the_agent_is_lent_not_the_keys(planned: Plan) -> None:
    spec = planned(Planned(agent="/run/agent.sock"), ssh_agent_forwarding=True)
    assert spec.mounts == (Mount("/run/agent.sock", "/run/dvm/ssh-agent.sock"),)
    assert spec.env["SSH_AUTH_SOCK"] == "/run/dvm/ssh-agent.sock"
    with pytest.raises(InvalidOptionError, match="ssh-agent"):
        planned(Planned(agent=""), ssh_agent_forwarding=True)


def test_git_gets_its_configuration_read_only(planned: Plan, home: Path) -> None:
    assert planned(git_credentials=True).mounts == ()
    (home / ".gitconfig").write_text("[user]\n")
    (home / ".ssh").mkdir()
    (home / ".ssh/known_hosts").write_text("x\n")
    (home / ".ssh/id_ed25519").write_text("private\n")
    spec = planned(git_credentials=True, env={"GIT_CONFIG_GLOBAL": "/mine"})
    assert {(mount.source, mount.read_only) for mount in spec.mounts} == {
        (f"/vm{home}/.gitconfig", True),
        (f"/vm{home}/.ssh/known_hosts", True),
    }
    assert spec.env["GIT_CONFIG_GLOBAL"] == "/mine"
    assert "known_hosts" in spec.env["GIT_SSH_COMMAND"]


# Labels and the hash


def test_owner_and_expiry(planned: Plan) -> None:
    labels = planned(owner="me", ttl=60, labels={"team": "red"}).labels
    assert (labels[OWNER], labels["team"]) == ("me", "red")
    assert abs(int(labels[EXPIRES]) - time.time() - 60) < 30


def test_the_hash_is_the_same_tomorrow(planned: Plan) -> None:
    # A hash that changes with a release makes every workspace of every user be recreated.
    assert spec_hash(planned(), IMAGE_ID) == "88f621a729926ea5d3433064528ca9c9"
    options = {"env": {"A": "1"}, "labels": {"l": "1"}, "ports": [Port(80)], "memory": "1g"}
    assert (
        spec_hash(planned(mounts=[Mount("data", "/data", "volume")], **options), IMAGE_ID)
        == "351ab1acf68c2c054351a58dd5a9190c"
    )


def test_the_hash_does_not_know_who_asked_or_how(planned: Plan) -> None:
    plain = spec_hash(planned(), IMAGE_ID)
    assert spec_hash(planned(owner="me", ttl=5), IMAGE_ID) == plain
    assert spec_hash(planned(image_name="other/name:1"), IMAGE_ID) == plain
    assert spec_hash(with_image(planned(), IMAGE_ID), IMAGE_ID) == plain
    assert spec_hash(planned(pull="never", on_drift="error"), IMAGE_ID) == plain
    assert with_image(planned(), IMAGE_ID).labels[SPEC] == plain


def test_the_hash_knows_everything_else(planned: Plan) -> None:
    plain = planned()
    seen = {spec_hash(plain, IMAGE_ID), spec_hash(plain, "sha256:" + "2" * 64)}
    others = {
        "name": "x",
        "entrypoint": None,
        "command": ("x",),
        "env": {"A": "b"},
        "labels": {**plain.labels, "user": "label"},
        "working_dir": "/x",
        "user": "5:5",
        "keep_id": True,
        "init": False,
        "mounts": (Mount("a", "/a", "volume"),),
        "ports": (Port(80),),
        "network_mode": "none",
        "network_aliases": ("db",),
        "extra_hosts": {"a": "1.2.3.4"},
        "cpus": 1.0,
        "memory": 1 << 30,
        "shm_size": 1 << 20,
        "pids_limit": 5,
        "read_only_root": True,
        "privileged": True,
        "cap_drop": (),
        "cap_add": (),
        "security_opt": (),
        "platform": "linux/arm64",
    }
    fields = {field.name for field in dataclasses.fields(ContainerSpec)} - {"image"}
    assert set(others) == fields
    for name, value in others.items():
        seen.add(spec_hash(dataclasses.replace(plain, **{name: value}), IMAGE_ID))  # type: ignore[arg-type]
    assert len(seen) == 2 + len(others)


# Git worktrees


@pytest.fixture
def repository(home: Path) -> Path:
    """A repository with a linked worktree beside it, called ``tree``."""
    folder = home / "repository"
    for arguments in (
        ["init", "-q", str(folder)],
        ["-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
        ["-C", str(folder), "worktree", "add", "-q", "-b", "tree", str(home / "tree")],
    ):
        subprocess.run(["git", *arguments], check=True, timeout=60, env={"PATH": os.environ["PATH"]})
    return folder


def test_the_repository_of_a_worktree_is_mounted_where_the_worktree_names_it(
    planned: Plan, home: Path, repository: Path
) -> None:
    spec = planned(app_path=home / "tree")

    git = os.path.realpath(repository / ".git")
    assert [mount.destination for mount in spec.mounts] == ["/workspace", git]
    assert spec.mounts[1].source == f"/vm{git}"
    assert not spec.mounts[1].read_only


def test_a_worktree_with_relative_paths(planned: Plan, home: Path, repository: Path) -> None:
    (home / "tree/.git").write_text("gitdir: ../repository/.git/worktrees/tree\n")

    spec = planned(app_path=home / "tree", working_dir="/srv/tree")

    assert spec.mounts[1].destination == "/srv/repository/.git"


def test_a_repository_that_does_not_know_the_worktree_stays_outside(
    planned: Plan, home: Path, repository: Path
) -> None:
    """Whoever made the folder may have written any path into it."""
    stranger = home / "stranger"
    stranger.mkdir()
    (stranger / ".git").write_text((home / "tree/.git").read_text())

    assert len(planned(app_path=stranger).mounts) == 1
    for text in ("gitdir: /nowhere\n", "gitdir: /etc\n", "", "x\0\n", "gitdir:"):
        (stranger / ".git").write_text(text)
        assert len(planned(app_path=stranger).mounts) == 1
    assert len(planned(app_path=repository).mounts) == 1


def test_the_repository_is_mounted_once(planned: Plan, home: Path, repository: Path) -> None:
    git = os.path.realpath(repository / ".git")

    spec = planned(app_path=home / "tree", mounts=[Mount(git, git, read_only=True)])

    assert [(mount.destination, mount.read_only) for mount in spec.mounts] == [("/workspace", False), (git, True)]
