"""Camel-case JSON and options: pure, without a server."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dvm_runtimes import waiting
from dvm_runtimes.errors import BuildError, InvalidOptionError, OperationCancelledError
from dvm_runtimes.infos import HostPort, ImageInfo, Platform, WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.options import AttachOptions, BuildOptions, ExecOptions, Mount, Port, StartOptions
from dvm_server import json_codec
from dvm_server.arguments import Arguments, absolute
from dvm_server.commands.steps import percentage
from dvm_server.error_responses import error_response, redact, secret_values

INFO = WorkspaceInfo(
    "id", "dvm-dev", WorkspaceStatus.RUNNING, "debian:12", ports={"80/tcp": HostPort("127.0.0.1", 8080)}
)


@pytest.mark.parametrize("cls", [StartOptions, BuildOptions, AttachOptions, ExecOptions, Mount, Port])
def test_every_field_has_its_member_but_callbacks(cls: Any) -> None:
    fields = {field.name for field in dataclasses.fields(cls)} - {"on_stdout", "on_stderr"}
    assert json_codec.members(cls) == [
        json_codec.camel(field.name) for field in dataclasses.fields(cls) if field.name in fields
    ]


def test_every_member_of_start_options_arrives() -> None:
    options = json_codec.decode(
        StartOptions,
        {
            "imageName": "debian:12",
            "workspaceName": "dev",
            "appPath": "shop",
            "cpus": 1,
            "memory": 2**30,
            "shmSize": "64m",
            "mounts": [{"source": "x", "destination": "/x", "readOnly": True}],
            "ports": [{"container": 80, "host": 8080, "hostIp": "::1", "protocol": "udp"}, {"container": 80}],
            "env": {"A": "1"},
            "extraHosts": {"db": "10.0.0.1"},
            "capAdd": ["NET_RAW"],
            "onDrift": "error",
            "ready": {"type": "http", "port": 80, "status": None},
            "ttl": 1.5,
            "pidsLimit": None,
        },
        lambda path, field: f"/abs/{path}",
    )
    assert options.app_path == "/abs/shop"
    assert options.mounts[0] == Mount("/abs/x", "/x", read_only=True)
    assert options.ports[0] == Port(80, 8080, "::1", "udp")
    assert (options.cpus, options.memory, options.ttl, options.pids_limit) == (1, 2**30, 1.5, 4096)
    assert options.ready == waiting.Http(80)


@pytest.mark.parametrize(
    ("data", "strategy"),
    [
        ({"type": "running"}, waiting.Running()),
        ({"type": "log", "pattern": "up", "times": 2}, waiting.LogLine("up", 2)),
        ({"type": "tcp", "port": 5432}, waiting.TcpPort(5432)),
        ({"type": "healthy"}, waiting.HealthCheck()),
        ({"type": "command", "command": ["test", "-e", "/x"]}, waiting.Command(["test", "-e", "/x"])),
    ],
)
def test_wait_strategies(data: dict[str, Any], strategy: waiting.WaitStrategy) -> None:
    given_options = {"imageName": "x", "workspaceName": "d", "ready": data}
    assert str(json_codec.decode(StartOptions, given_options).ready) == str(strategy)


@pytest.mark.parametrize(
    ("cls", "data", "field"),
    [
        (BuildOptions, {"appPath": "/x"}, "imageName"),
        (BuildOptions, {"imageName": "x", "appPath": "/x", "secrets": {"id": 5}}, "secrets['id']"),
        (BuildOptions, {"imageName": "x", "appPath": "/x", "tags": ["ok", 5]}, "tags[1]"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "env": ["A=1"]}, "env"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "mounts": {}}, "mounts"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "mounts": ["x"]}, "mounts[0]"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "mounts": [{"dst": "/x"}]}, "mounts[0].dst"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "memory": 1.5}, "memory"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "cpus": "1"}, "cpus"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "pidsLimit": True}, "pidsLimit"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "pull": "often"}, "pull"),
        (StartOptions, {"imageName": "x", "workspaceName": "d", "ready": "log"}, "ready.type"),
        (StartOptions, {"imageName": "x"}, "workspaceName"),
        (ExecOptions, {"onStdout": 1}, "onStdout"),
        (Port, {"container": 80, "hostIp": "nowhere"}, "ports.hostIp"),
    ],
)
def test_errors_name_the_member_as_the_client_wrote_it(cls: Any, data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        json_codec.decode(cls, data)
    assert caught.value.field == field


def test_secrets_of_a_build_are_paths() -> None:
    data = {"imageName": "x", "appPath": "/x", "secrets": {"npm": "token"}}
    assert json_codec.decode(BuildOptions, data, lambda path, field: f"/abs/{path}").secrets == {"npm": "/abs/token"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([StartOptions, BuildOptions, AttachOptions, ExecOptions]), st.data())
def test_whatever_is_given_there_are_options_or_an_error_with_a_member(cls: Any, data: st.DataObject) -> None:
    drawn = data.draw(st.dictionaries(st.sampled_from(json_codec.members(cls)), values, max_size=5))
    try:
        assert isinstance(json_codec.decode(cls, drawn), cls)
    except InvalidOptionError as error:
        assert error.field  # noqa: PT017 - either will do


def test_infos_in_camel_case_with_the_users_own_keys_left_alone() -> None:
    info = dataclasses.replace(INFO, labels={"my_label": "x"}, exit_code=3)
    shown = json_codec.workspace(info)
    assert shown["labels"] == {"my_label": "x"}
    assert shown["exitCode"] == 3
    assert shown["ports"] == {"80/tcp": {"host": "127.0.0.1", "port": 8080}}
    expected = {json_codec.camel(key) for key in info.to_dict()}
    assert shown.keys() == expected
    image = json_codec.image(ImageInfo("sha256:1", ("a:1",), env=("TOKEN=x",), working_dir="/w"))
    assert image["workingDir"] == "/w"
    assert "env" not in image
    assert json_codec.platforms([Platform("docker", "Docker", "unix:///x")])[0]["selector"] == ""
    assert json_codec.deep_camel({"a_b": [{"c_d": ("e_f",)}], 5: None}) == {"aB": [{"cD": ["e_f"]}], "5": None}


def test_paths_are_made_absolute(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert absolute("sub/x", "f", "/base") == "/base/sub/x"
    assert absolute("~/x", "f", None) == f"{tmp_path}/x"
    assert absolute("file:///a%20b", "f", None) == "/a b"
    for wrong in ("x", "http://x/y", "a\0b", "~nobody-of-that-name"):
        with pytest.raises(InvalidOptionError, match="f="):
            absolute(wrong, "f", None)


def test_arguments_are_taken_apart() -> None:
    arguments = Arguments({"a": "x", "flag": True, "n": 3, "null": None, "argv": ["a"], "timeout": 2}, "/base")
    assert (arguments.text("a"), arguments.flag("flag"), arguments.number("n", None)) == ("x", True, 3)
    assert (arguments.text("null", "default"), arguments.argv("argv"), arguments.timeout()) == ("default", ["a"], 2)
    assert arguments.members == {"a", "flag", "n", "argv", "timeout"}
    assert (arguments.count("none"), arguments.folder, "a" in arguments, "null" in arguments) == (
        None,
        "/base",
        True,
        False,
    )
    arguments.done()
    unknown = Arguments({"workspac": "x"})
    unknown.text("workspace")
    with pytest.raises(InvalidOptionError, match="did you mean 'workspace'"):
        unknown.done()


def test_what_an_error_answer_has() -> None:
    error = BuildError("step failed: hunter2", platform="Docker", detail="hunter2!", logs="a\nhunter2")
    answer = error_response(error, "dvm.image.build", {"buildArgs": {"TOKEN": "hunter2"}})
    assert answer.code == -32803
    assert answer.data["operation"] == "dvm.image.build"
    assert "hunter2" not in repr(answer.to_dict())
    assert error_response(OperationCancelledError("x"), "c", None).code == -32800
    home = error_response(InvalidOptionError("app_path", "/home/ada", "is refused", hint="Give `allow_home`."), "c", {})
    assert (home.data["field"], home.data["hint"]) == ("appPath", "Give `allowHome`.")
    invalid = error_response(InvalidOptionError("pids_limit", 0, "must be 1"), "c", {})
    assert (invalid.code, invalid.data["field"]) == (-32602, "pidsLimit")


def test_secrets_are_found_and_short_words_left() -> None:
    argument = {"env": {"A": "hunter2", "B": "no"}, "input": 'say "hi"\n', "command": ["visible"]}
    secrets = set(secret_values(argument))
    assert "hunter2" in secrets
    assert "no" not in secrets
    assert "visible" not in secrets
    assert list(secret_values([1])) == []
    assert redact(5, ["x"]) == 5
    assert redact("a hunter2 b", ["hunter2"]) == "a *** b"


@pytest.mark.parametrize(
    ("step", "percent"),
    [("Step 1/4 : FROM x", 0), ("[stage 3/4] RUN x", 50), ("Step 5/4 : x", None), ("Pulling", None), ("0/0", None)],
)
def test_numbered_steps_have_a_percentage(step: str, percent: int | None) -> None:
    assert percentage(step) == percent
