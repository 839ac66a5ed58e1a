"""What is asked of the engine: how often, in which version, and what the answers mean."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from dvm_runtimes.engines.base import ContainerSpec
from dvm_runtimes.engines.docker_api.client import negotiate
from dvm_runtimes.engines.docker_api.create_body import create_body, log_driver_for
from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.engines.docker_api.error_mapping import ErrorMapping, stream_error
from dvm_runtimes.engines.docker_api.events import event
from dvm_runtimes.engines.docker_api.images import messages, reference
from dvm_runtimes.engines.docker_api.parsing import (
    capabilities_of,
    exact,
    image,
    inspected,
    is_rootless,
    listed,
    seconds,
    status,
)
from dvm_runtimes.engines.docker_api.port_view import PortView
from dvm_runtimes.engines.docker_api.profile import DockerProfile
from dvm_runtimes.engines.specs import MissingInitError
from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    ImageNotFoundError,
    InvalidOptionError,
    NameConflictError,
    PathNotFoundError,
    UnsupportedError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import EventKind, HostPort, WorkspaceStatus
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import Mount, Port
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine


def asked(runtime: ContainerRuntime) -> int:
    """How many requests the runtime has made."""
    engine = runtime.engine
    assert isinstance(engine, DockerEngine)
    return engine.client.requests


def test_fifty_workspaces_are_listed_with_one_request(runtime: ContainerRuntime, docker_engine: RunningEngine) -> None:
    mark = secrets.token_hex(4)
    engine = runtime.engine
    made: list[str] = []
    try:
        with Operation("test", timeout=LIMIT) as op:
            for number in range(50):
                spec = ContainerSpec(
                    name=f"many-{mark}-{number}",
                    image=docker_engine.image,
                    entrypoint=("sleep",),
                    command=("600",),
                    env={},
                    labels={"io.devopsmaestro.managed": "true", "many": mark},
                    working_dir="/",
                    user="",
                )
                made.append(engine.create_container(op, spec))
        before = asked(runtime)
        found = runtime.list_workspaces({"many": mark}, timeout=LIMIT)
        assert asked(runtime) - before == 1
        assert sorted(info.id for info in found) == sorted(made)
        assert {info.status for info in found} == {WorkspaceStatus.CREATED}
    finally:
        with Operation("test", timeout=LIMIT) as op:
            for container in made:
                engine.remove_container(op, container, force=True, volumes=True)


def test_a_runtime_asks_once_before_it_exists(docker_engine: RunningEngine) -> None:
    from dvm_runtimes.engines.docker_api import Endpoint, connect

    with connect(Endpoint.parse(docker_engine.endpoint)) as runtime:
        assert asked(runtime) == 1
        assert runtime.version() == docker_engine.version


def test_versions_of_the_api() -> None:
    assert [negotiate(theirs) for theirs in ("1.24", "1.41", "1.51", "1.52", "2.0")] == [
        "1.24",
        "1.41",
        "1.51",
        "1.51",
        "1.51",
    ]


def test_an_engine_of_another_version_takes_the_place_of_the_first(runtime: ContainerRuntime) -> None:
    """A version that the engine does not know is given up for one that it does."""
    engine = runtime.engine
    assert isinstance(engine, DockerEngine)
    runtime.list_images()
    engine.client.api_version = "1.999"
    with pytest.raises(EngineError, match="client version"):
        runtime.list_images()
    assert runtime.list_images()


# The engine's words


@pytest.mark.parametrize(
    ("code", "words", "kind", "hint"),
    [
        (404, "No such container: x", WorkspaceNotFoundError, "dvm ls"),
        (404, "No such image: x", ImageNotFoundError, "dvm build"),
        (404, "Could not find the file /x in container y", PathNotFoundError, "dvm exec"),
        (404, "network lan not found", EngineError, "network"),
        (
            409,
            'Conflict. The container name "/x" is already in use by container "y"',
            NameConflictError,
            "another name",
        ),
        (500, 'the container name "x" is already in use by 1f', NameConflictError, "another name"),
        (409, "Container x is not running", WorkspaceNotRunningError, "dvm start"),
        (409, "Container x is paused, unpause the container before exec", WorkspaceNotRunningError, "dvm start"),
        (409, "You cannot remove a running container x. Stop the container", EngineError, "force"),
        (409, "removal of container x is already in progress", EngineError, "try again"),
        (500, "write /var/lib: no space left on device", EngineError, "prune"),
        (500, 'exec: "docker-init": executable file not found in $PATH', MissingInitError, "init"),
        (400, 'invalid mount config for type "bind": bind source path does not exist: /x', InvalidOptionError, "path"),
        (500, "Bind for 127.0.0.1:80 failed: port is already allocated", EngineError, "host port"),
        (500, "container rootfs is marked read-only", EngineError, "mounted"),
        (403, "authorization denied by plugin", EngineError, "runs the engine"),
        (501, "not implemented", UnsupportedError, "another runtime"),
        (400, "invalid something", EngineError, "dvm doctor"),
        (500, "it broke", EngineError, "dvm doctor"),
        (
            404,
            "image with reference x was found but does not match the specified platform: wanted linux/arm64",
            ImageNotFoundError,
            "login",
        ),
    ],
)
def test_a_refusal_becomes_a_typed_error(code: int, words: str, kind: type[DvmError], hint: str) -> None:
    error = ErrorMapping(DockerProfile()).from_message(code, words, "start_workspace", "x")
    assert type(error) is kind
    assert hint in error.hint
    assert (error.platform, error.operation, error.detail) == ("Docker Engine", "start_workspace", words)
    assert "\n" not in str(error)


def test_a_stream_carries_its_failure() -> None:
    assert stream_error({"error": "short", "errorDetail": {"message": "long"}}) == "long"
    assert stream_error({"error": "short"}) == "short"
    assert stream_error({"errorDetail": {}}) == "it failed without a reason"
    assert stream_error({"stream": "fine"}) == ""


# Data


def test_times_are_read_to_the_nanosecond() -> None:
    assert seconds("2020-01-01T00:00:00.123456789Z") == pytest.approx(1577836800.123456789)
    assert seconds("2020-01-01T01:00:00.5+01:00") == 1577836800.5
    assert (seconds("0001-01-01T00:00:00Z"), seconds(""), seconds("nonsense"), seconds(5)) == (None, None, None, 5.0)
    assert exact("2020-01-01T00:00:00.000000001Z") == "1577836800.000000001"


def test_a_container_is_read_from_either_answer() -> None:
    state = {"Status": "exited", "ExitCode": 3, "StartedAt": "2020-01-01T00:00:00Z", "Error": "no"}
    ports = {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
        "81/tcp": None,
    }
    data = {
        "Id": "1",
        "Name": "/name",
        "Image": "0" * 64,
        "Created": "2020-01-01T00:00:00Z",
        "State": state,
        "Config": {"Image": "debian", "Labels": None, "User": "1:2"},
        "NetworkSettings": {"Ports": ports},
    }
    found = inspected(data, PortView())
    assert (found.name, found.status, found.exit_code, found.error) == ("name", WorkspaceStatus.EXITED, 3, "no")
    assert (found.image_id, found.user) == ("sha256:" + "0" * 64, "1:2")
    assert found.ports == {"80/tcp": HostPort("127.0.0.1", 8080)}
    row: dict[str, Any] = {
        "Id": "1",
        "Names": ["/other/alias", "/name"],
        "Image": "debian",
        "ImageID": "sha256:1",
        "State": "exited",
        "Status": "Exited (137) 2 hours ago",
        "Created": 5,
        "Ports": [
            {"IP": "::", "PrivatePort": 80, "PublicPort": 81, "Type": "tcp"},
            {"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 80, "Type": "tcp"},
            {"PrivatePort": 90, "Type": "tcp"},
        ],
    }
    short = listed(row, PortView())
    assert (short.name, short.exit_code, short.created) == ("name", 137, 5.0)
    assert short.ports == {"80/tcp": HostPort("127.0.0.1", 80)}
    row |= {"State": "running", "Status": "Up 2 minutes (health: starting)"}
    assert (listed(row, PortView()).health, listed(row, PortView()).exit_code) == ("starting", None)


def test_a_container_that_never_ran_has_no_exit_code() -> None:
    state = {"Status": "created", "ExitCode": 0, "StartedAt": "0001-01-01T00:00:00Z"}
    assert inspected({"Id": "1", "State": state}, PortView()).exit_code is None
    assert status("what") is WorkspaceStatus.UNKNOWN


def test_ports_of_another_machine_are_reached_there_or_not_at_all() -> None:
    view = PortView("far.example")
    assert view.seen("0.0.0.0", 80) == HostPort("far.example", 80)
    assert view.seen("127.0.0.1", 80) is None
    assert view.seen("192.0.2.1", 80) == HostPort("192.0.2.1", 80)


def test_ports_seen_from_a_container_of_the_engine() -> None:
    own: dict[str, Any] = {
        "NetworkSettings": {"Networks": {"ci": {"NetworkID": "n1", "Gateway": "172.18.0.1"}}},
        "HostConfig": {},
    }
    view = PortView.of_container(own)
    ports = {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
        "90/tcp": [{"HostIp": "0.0.0.0", "HostPort": "9090"}],
    }

    def seen(network: str) -> dict[str, HostPort]:
        networks = {"it": {"NetworkID": network, "IPAddress": "172.18.0.7"}}
        return dict(inspected({"Id": "1", "NetworkSettings": {"Ports": ports, "Networks": networks}}, view).ports)

    assert seen("n1") == {"80/tcp": HostPort("172.18.0.7", 80), "90/tcp": HostPort("172.18.0.7", 90)}
    assert seen("n2") == {"90/tcp": HostPort("172.18.0.1", 9090)}, "loopback of the engine's host is out of reach"
    own["HostConfig"] = {"NetworkMode": "host"}
    assert PortView.of_container(own).seen("127.0.0.1", 80) == HostPort("127.0.0.1", 80)


def test_an_image_is_read_from_either_answer() -> None:
    found = image(
        {"Id": "sha256:1", "RepoTags": ["a:1", "<none>:<none>"], "Size": 5, "Config": {"Cmd": "x", "Entrypoint": ["y"]}}
    )
    assert (found.tags, found.command, found.entrypoint) == (("a:1",), ("x",), ("y",))


def test_events_that_matter() -> None:
    def message(action: str, **attributes: str) -> dict[str, Any]:
        return {
            "Type": "container",
            "Action": action,
            "timeNano": 2_500_000_000,
            "Actor": {"ID": "1", "Attributes": attributes},
        }

    died = event(message("die", name="n", exitCode="137", image="i", mine="x"))
    assert died is not None
    assert (died.kind, died.exit_code, died.name, died.time) == (EventKind.STOPPED, 137, "n", 2.5)
    assert died.labels == {"mine": "x"}
    kinds = {
        action: found.kind if (found := event(message(action))) is not None else None
        for action in (
            "create",
            "start",
            "pause",
            "unpause",
            "rename",
            "destroy",
            "health_status: healthy",
            "exec_start: x",
            "kill",
        )
    }
    assert list(kinds.values()) == [
        EventKind.CREATED,
        EventKind.STARTED,
        EventKind.PAUSED,
        EventKind.RESUMED,
        EventKind.RENAMED,
        EventKind.REMOVED,
        EventKind.HEALTH,
        None,
        None,
    ]
    assert event({"Type": "network", "Action": "create"}) is None


def test_a_request_says_what_the_spec_says() -> None:
    spec = ContainerSpec(
        name="n",
        image="i",
        entrypoint=(),
        command=None,
        env={"A": "b"},
        labels={"l": "v"},
        working_dir="/w",
        user="1:2",
        keep_id=True,
        mounts=(Mount("/a", "/b", read_only=True), Mount("vol", "/v", "volume"), Mount("", "/t", "tmpfs")),
        ports=(Port(80), Port(80, 8080)),
        network_mode="none",
        extra_hosts={"h": "1.2.3.4"},
        cpus=1.5,
        memory=1 << 20,
        shm_size=5,
        pids_limit=7,
        read_only_root=True,
        cap_drop=("ALL",),
    )
    body = create_body(spec, log_driver=log_driver_for("json-file"))
    host = body["HostConfig"]
    assert (body["Entrypoint"], "Cmd" in body, body["Env"]) == ([""], False, ["A=b"])
    assert host["Mounts"] == [
        {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True},
        {"Type": "volume", "Source": "vol", "Target": "/v", "ReadOnly": False},
    ]
    assert host["Tmpfs"] == {"/t": "rw,exec,mode=1777", "/tmp": "rw,exec,mode=1777"}
    assert host["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}, {"HostIp": "127.0.0.1", "HostPort": "8080"}]
    }
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (
        1_500_000_000,
        1 << 20,
        1 << 20,
        7,
    )
    assert (host["UsernsMode"], host["NetworkMode"], host["LogConfig"]["Type"]) == ("keep-id", "none", "local")
    assert log_driver_for("journald") == ""


def test_what_an_engine_cannot_do_has_its_reason() -> None:
    here, far = DockerProfile(), DockerProfile(place="remote")
    assert capabilities_of({"CgroupDriver": "systemd", "MemoryLimit": True}, here).resource_limits
    rootless = {"CgroupDriver": "none", "SecurityOptions": ["name=seccomp", "name=rootless"]}
    assert "rootless" in capabilities_of(rootless, here).why_not("resource_limits")
    assert is_rootless(rootless)
    assert capabilities_of({"MemoryLimit": False}, here).why_not("resource_limits")
    assert not capabilities_of({}, far).bind_mounts
    assert not capabilities_of({}, far).ssh_agent


# Pulls


def test_names_for_a_pull() -> None:
    digest = "sha256:" + "0" * 64
    assert reference(f"a/b:1@{digest}") == ("a/b", digest)
    assert reference(f"a/b@{digest}") == ("a/b", digest)
    assert reference("host:5000/a") == ("host:5000/a", "latest")


def test_progress_comes_one_object_a_line() -> None:
    text = b'{"a":1}\r\n{"b":2}\n{"c":3}'
    assert list(messages([text[:5], text[5:12], text[12:]])) == [{"a": 1}, {"b": 2}, {"c": 3}]
    with pytest.raises(ValueError, match="no object"):
        list(messages([json.dumps([1]).encode()]))
