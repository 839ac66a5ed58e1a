"""Requests and names in Podman's terms."""

from __future__ import annotations

from typing import Any

import pytest

from dvm_runtimes.engines.base import ContainerSpec
from dvm_runtimes.engines.docker_api.create_body import create_body
from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.engines.podman.creation import NO_LIMIT, adapted
from dvm_runtimes.engines.podman.engine import PodmanEngine, familiar
from dvm_runtimes.errors import EngineError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import Mount

NO_IDS = "container create: keep-id requires additional UIDs or GIDs defined in /etc/subuid and /etc/subgid"


def spec_of(**changes: Any) -> ContainerSpec:
    plain: dict[str, Any] = {
        "entrypoint": None,
        "command": None,
        "env": {},
        "labels": {},
        "working_dir": "",
        "user": "",
    }
    return ContainerSpec(name="x", image="img", **(plain | changes))


def host_of(**changes: Any) -> dict[str, Any]:
    """What is asked of the host for a container with these members."""
    spec = spec_of(**changes)
    host: dict[str, Any] = adapted(create_body(spec), spec)["HostConfig"]
    return host


def test_no_limit_of_processes_is_said_in_so_many_words() -> None:
    assert host_of(pids_limit=0)["PidsLimit"] == NO_LIMIT
    assert host_of(pids_limit=100)["PidsLimit"] == 100


@pytest.mark.parametrize("user", ["1000:1000", "ada", ""])
def test_only_root_has_the_default_capabilities(user: str) -> None:
    """Podman gives added capabilities to whoever the user is."""
    few = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
    host = host_of(user=user, cap_drop=("ALL",), cap_add=(*few, "NET_RAW"))
    assert host["CapAdd"] == ["NET_RAW"]
    assert {"SETFCAP", "SETPCAP", "SYS_CHROOT", "SYS_ADMIN"} <= set(host["CapDrop"])
    assert not {*few, "NET_RAW"} & set(host["CapDrop"])
    host = host_of(user="0:0", cap_drop=("ALL",), cap_add=few)
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], list(few))


@pytest.mark.parametrize("path", ["/com,ma", '/quo"te'])
def test_paths_that_break_a_mount_are_binds(path: str) -> None:
    host = host_of(mounts=(Mount(path, "/in", read_only=True), Mount("/plain", "/out")))
    assert host["Binds"] == [f"{path}:/in:ro"]
    assert [mount["Source"] for mount in host["Mounts"]] == ["/plain"]


def test_paths_that_would_break_a_bind_stay_mounts() -> None:
    host = host_of(mounts=(Mount("/co:lon", "/in"),))
    assert [mount["Source"] for mount in host["Mounts"]] == ["/co:lon"]
    assert "Binds" not in host


@pytest.mark.parametrize(
    ("tag", "known"),
    [
        ("localhost/shop:dev", "shop:dev"),
        ("docker.io/library/debian:12", "debian:12"),
        ("docker.io/ada/shop:1", "ada/shop:1"),
        ("quay.io/ada/shop:1", "quay.io/ada/shop:1"),
    ],
)
def test_images_have_the_names_that_their_users_know(tag: str, known: str) -> None:
    assert familiar(tag) == known


@pytest.mark.parametrize(("failures", "made"), [(0, True), (3, True), (4, False)])
def test_ids_that_were_not_found_are_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, failures: int, made: bool
) -> None:
    left = [EngineError(NO_IDS)] * failures

    def create(self: DockerEngine, op: Operation, spec: ContainerSpec) -> str:
        if left:
            raise left.pop()
        return "made"

    monkeypatch.setattr(DockerEngine, "create_container", create)
    engine = PodmanEngine.__new__(PodmanEngine)
    with Operation("start") as op:
        if made:
            assert engine.create_container(op, spec_of()) == "made"
        else:
            with pytest.raises(EngineError, match="/etc/subuid") as caught:
                engine.create_container(op, spec_of())
            assert "usermod" in caught.value.hint
