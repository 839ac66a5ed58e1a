"""From markers and keywords to options, without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes import BuildOptions, Http, InvalidOptionError, LogLine, Mount, Port
from pytest_dvm.request import WorkspaceRequest, merge, parse_request
from pytest_dvm.settings import Settings


def want(folder: Path = Path("/project"), image: str = "debian:12", **keywords: Any) -> WorkspaceRequest:
    return parse_request(keywords, Settings(image=image), folder)


def test_the_nearest_marker_wins_and_env_and_files_are_joined() -> None:
    nearest = {"env": {"A": "near"}, "files": {"/a": "1"}, "image": "near:1"}
    farthest = {"env": {"A": "far", "B": "far"}, "files": {"/b": "2"}, "image": "far:1", "memory": "64m"}

    assert merge([nearest, farthest]) == {
        "env": {"A": "near", "B": "far"},
        "files": {"/a": "1", "/b": "2"},
        "image": "near:1",
        "memory": "64m",
    }


def test_short_forms() -> None:
    found = want(
        ports=[8080, Port(53, protocol="udp")],
        mounts=["data:/data", "./here:/there:ro", Mount("/abs", "/x")],
        network="bridge",
        memory="64m",
    ).options

    assert found.image_name == "debian:12"
    assert [port.key for port in found.ports] == ["8080/tcp", "53/udp"]
    assert found.mounts[0] == Mount("data", "/data", "volume")
    assert found.mounts[1] == Mount("/project/here", "/there", "bind", read_only=True)
    assert found.network_mode == "bridge"
    assert found.memory == 64 * 1024 * 1024


def test_files(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/x").touch()
    given = {"/a": "text", "/b": b"\0", "/c": Path("conf/x"), "/d": Path("/etc")}

    found = parse_request({"files": given, "image": "debian:12"}, Settings(), tmp_path).files

    assert found == {"/a": b"text", "/b": b"\0", "/c": tmp_path / "conf/x", "/d": Path("/etc")}


def test_relative_paths_start_at_the_folder_of_the_test() -> None:
    options = want(app_path="app", env_file=".env", mounts=[Mount("here", "/x")]).options
    build = want(build={"app_path": ".", "dockerfile": "Dockerfile.test", "secrets": {"key": "key.txt"}}).build

    assert (options.app_path, options.env_file) == (Path("/project/app"), Path("/project/.env"))
    assert options.mounts[0].source == "/project/here"
    assert build is not None
    assert (build.dockerfile, build.secrets) == (Path("/project/Dockerfile.test"), {"key": Path("/project/key.txt")})


def test_builds() -> None:
    assert want().build is None
    assert want(build="image").build == BuildOptions(image_name="image-to-be-built", app_path=Path("/project/image"))
    given = BuildOptions(image_name="x", app_path="/y")
    assert want(build=given).build == BuildOptions(image_name="x", app_path=Path("/y"))
    assert want(build={"app_path": "image", "target": "test"}).build == BuildOptions(
        image_name="image-to-be-built", app_path=Path("/project/image"), target="test"
    )


def test_equal_wishes_have_equal_keys_and_others_do_not() -> None:
    def keys(*found: WorkspaceRequest) -> set[str]:
        return {one.key for one in found}

    assert len(keys(want(), want(image="debian:12"), want(env={}), want(ports=[]))) <= 3
    assert len(keys(want(env={"A": "1", "B": "2"}), want(env={"B": "2", "A": "1"}))) == 1
    assert len(keys(want(env={"A": "1"}), want(env={"A": "2"}), want())) == 3
    assert len(keys(want(files={"/a": "1"}), want(files={"/a": "2"}), want(ready=LogLine("up")))) == 3
    assert len(keys(want(build="a"), want(build="b"))) == 2


def test_what_cannot_be_there_twice() -> None:
    assert want(ports=[Port(80, host=8080)]).alone
    assert not want(ports=[80]).alone


@pytest.mark.parametrize(
    "keywords",
    [
        {"command": ["sleep", "9"]},
        {"entrypoint": ["sleep"]},
        {"app_path": "/project"},
        {"mounts": ["data:/data"]},
        {"network": "mine"},
        {"cap_add": ["NET_ADMIN"]},
        {"security_opt": ["seccomp=unconfined"]},
        {"privileged": True},
        {"ssh_agent_forwarding": True},
        {"git_credentials": True},
    ],
)
def test_what_has_a_memory_that_nobody_can_look_into_is_never_used_again(keywords: dict[str, Any]) -> None:
    assert want().resettable
    assert not want(**keywords).resettable


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"imgae": "x"}, "imgae.*unknown keyword.*image"),
        ({"container_name": "x"}, "unknown keyword"),
        ({"env": ["A=1"]}, "env=.*must be a dict"),
        ({"files": "x"}, "files=.*must be a dict"),
        ({"mounts": "data:/data"}, "mounts=.*must be a list"),
        ({"ports": 80}, "ports=80: must be a list"),
        ({"ready": "log"}, "ready='log': must be one wait strategy"),
        ({"ready": [LogLine("x")]}, "must be one wait strategy"),
        ({"ready": Http(80)}, "ready.port=80: is not published"),
        ({"files": {"/a": Path("none")}}, "no such file"),
        ({"build": {"contxt": "."}}, "build='contxt': is no field"),
        ({"keep_volumes": "data"}, "must be True or False"),
        ({"image": ""}, "needs an image.*--dvm-image"),
        ({"files": {"a": "1"}}, "files='a'.*absolute"),
        ({"files": {"/a": 1}}, "give str, bytes or a Path"),
        ({"mounts": ["nowhere"]}, "source:/destination"),
        ({"mounts": [1]}, "give a Mount"),
        ({"build": 1}, "give a folder"),
        ({"ports": [0]}, "ports"),
        ({"memory": "lots"}, "memory"),
    ],
)
def test_bad_keywords_are_named(keywords: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidOptionError, match=text):
        want(**keywords)
