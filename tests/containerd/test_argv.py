"""Words and variables: what is given arrives unchanged or is refused, and no secret is a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dvm_runtimes.engines.base import ContainerSpec, ExecSpec
from dvm_runtimes.engines.nerdctl import NerdctlHints, NerdctlProfile, argv, json_output
from dvm_runtimes.engines.nerdctl.argv import LONGEST_VALUE, container_env
from dvm_runtimes.engines.nerdctl.error_mapping import exec_failure, failure, path_failure, pull_failure
from dvm_runtimes.engines.nerdctl.logs import flags
from dvm_runtimes.engines.nerdctl.transport import TransportError
from dvm_runtimes.errors import (
    ExecError,
    InvalidOptionError,
    RuntimeUnavailableError,
    UnsupportedError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.options import BuildOptions, Mount, Port
from dvm_runtimes.platforms.colima.ssh import ColimaSsh, LimaConnection, instance

PROFILE = NerdctlProfile()


def spec(**changes: object) -> ContainerSpec:
    given: dict[str, object] = {
        "name": "one",
        "image": "debian:12",
        "entrypoint": None,
        "command": None,
        "env": {},
        "labels": {},
        "working_dir": "/workspace",
        "user": "1000:1000",
    }
    return ContainerSpec(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", "b c", "'\"$(id)`id`;*~\\", "é😀", "=", "#", "a\tb", " leading"])
def test_values_that_a_file_of_lines_carries(value: str) -> None:
    given = container_env({"A": value})
    assert given.file == f"A={value}\n".encode()
    assert given.flags() == []


@pytest.mark.parametrize("value", ["two\nlines", "trailing ", "trailing\t", "cr\r", "x" * 70_000, "nbsp\u00a0"])
def test_values_that_it_would_change(value: str) -> None:
    given = container_env({"A": value})
    assert given.file == b""
    assert given.inherited == {"A": value}
    assert given.flags() == ["--env", "A"]


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "NERDCTL_TOML", "a.b", "HOME"])
def test_values_that_neither_way_carries(name: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        container_env({name: "secret\nlines"})
    assert name in str(caught.value)
    assert "secret" not in str(caught.value)


def test_values_that_linux_does_not_carry() -> None:
    with pytest.raises(InvalidOptionError, match="Linux passes at most"):
        container_env({"A": "x" * LONGEST_VALUE})


def test_a_container_with_everything() -> None:
    words, rest = argv.create(
        spec(
            labels={"a": "1", "empty": ""},
            mounts=(
                Mount("/src", "/workspace", read_only=True),
                Mount("data", "/data", "volume"),
                Mount("", "/scratch", "tmpfs"),
            ),
            ports=(Port(8080, 18080), Port(53, 53, "::1", "udp")),
            network_mode="none",
            extra_hosts={"db": "10.0.0.9"},
            cpus=0.5,
            memory=1024,
            shm_size=2048,
            pids_limit=100,
            read_only_root=True,
            cap_drop=("ALL",),
            cap_add=("CHOWN",),
            security_opt=("no-new-privileges",),
            platform="linux/amd64",
            entrypoint=("sh", "-c"),
            command=("echo $HOME",),
        ),
        init="tini-static",
    )
    line = " ".join(words)
    assert line == (
        'create --name one --pull never --workdir /workspace --label a=1 --label io.devopsmaestro.empty=["empty"]'
        " --user 1000:1000"
        " --init --init-binary tini-static --mount type=bind,source=/src,target=/workspace,readonly"
        " --mount type=volume,source=data,target=/data --mount type=tmpfs,target=/scratch --read-only"
        " --tmpfs /tmp:mode=1777 --publish 127.0.0.1:18080:8080/tcp --publish [::1]:53:53/udp --network none"
        " --add-host db:10.0.0.9 --cpus 0.5 --memory 1024 --shm-size 2048 --pids-limit 100 --cap-drop ALL"
        " --cap-add CHOWN --security-opt no-new-privileges --platform linux/amd64 --entrypoint sh"
    )
    assert rest == ["debian:12", "-c", "echo $HOME"]


def test_an_entrypoint_that_is_cleared() -> None:
    words, rest = argv.create(spec(entrypoint=(), command=None), init="", image_command=("bash", "-l"))
    assert words[-2:] == ["--entrypoint", "bash"]
    assert rest == ["debian:12", "-l"]
    assert argv.create(spec(privileged=True, user=""), init="")[0][-1] == "--privileged"


def test_paths_that_nerdctl_cannot_mount() -> None:
    assert argv.unmountable([Mount("/a", "/b"), Mount("/a,b", "/c")]) == "/a,b"
    assert argv.unmountable([Mount("/a", "/b:c")]) == "/b:c"
    assert argv.unmountable([Mount("/a b'\"", "/c")]) == ""


def test_exec() -> None:
    words, rest = argv.exec_("one", ExecSpec(command=("sh", "-c", "x"), tty=True, user="0:0", working_dir="/tmp"))
    assert words == ["exec", "--tty", "--interactive", "--user", "0:0", "--workdir", "/tmp"]
    assert rest == ["one", "sh", "-c", "x"]
    assert argv.exec_("one", ExecSpec(command=("cat",), stdin=True))[0] == ["exec", "--interactive"]


def test_build() -> None:
    options = BuildOptions(
        image_name="a:1",
        app_path="/src",
        tags=("a:2",),
        build_args={"K": "v"},
        target="t",
        no_cache=True,
        pull=True,
        platform="linux/amd64",
        ssh=("default",),
    )
    words = argv.build(options, {"l": "1"}, dockerfile="/src/Dockerfile", context="/src")
    assert " ".join(words) == (
        "build --progress plain --file /src/Dockerfile --tag a:1 --tag a:2 --label l=1 --build-arg K=v --target t"
        " --no-cache --pull --platform linux/amd64 --ssh default /src"
    )


def test_logs() -> None:
    assert flags(None, None, follow=False) == ["logs", "--timestamps"]


def test_labels_without_a_value_come_back() -> None:
    kept = json_output.without_empty({"a": "1", "b": "", "c": ""})
    assert all(kept.values())
    assert json_output.with_empty(kept) == {"a": "1", "b": "", "c": ""}
    assert json_output.with_empty({json_output.EMPTY_LABEL: "somebody else's"}) == {}


@pytest.mark.parametrize(
    ("words", "kind", "hint"),
    [
        ("rootless containerd not running? (hint: …)", RuntimeUnavailableError, PROFILE.hints.permission),
        (
            'failed to dial "/run/containerd.sock": context deadline exceeded',
            RuntimeUnavailableError,
            PROFILE.hints.start,
        ),
        ("sudo: nerdctl: command not found", RuntimeUnavailableError, PROFILE.hints.install),
        ("cannot connect to buildkitd: no such file", RuntimeUnavailableError, PROFILE.hints.build),
        ("no running task found", WorkspaceNotRunningError, "`dvm start` starts it again."),
        ("unknown flag: --mode", UnsupportedError, PROFILE.hints.upgrade),
    ],
)
def test_failures_that_no_recording_has(words: str, kind: type[Exception], hint: str) -> None:
    found = failure(words, PROFILE, "a_test")
    assert type(found) is kind
    assert found.hint == hint


def test_other_failures_of_commands_pulls_and_copies() -> None:
    refused = exec_failure('OCI runtime exec failed: exec: "/etc/passwd": permission denied', PROFILE, "x", "y")
    assert isinstance(refused, ExecError)
    assert refused.exit_code == 126
    assert exec_failure("cannot exec in a stopped state", PROFILE, "x", "y").kind == "workspace_not_running"
    gone = pull_failure("cannot access containerd socket: no such file", PROFILE, "x", "y")
    assert gone.kind == "runtime_unavailable"
    assert pull_failure("disk full", PROFILE, "x", "y").kind == "engine_error"
    assert path_failure("disk full", PROFILE, "x", "y").kind == "engine_error"


def test_the_ways_into_a_virtual_machine(tmp_path: Path) -> None:
    folder = tmp_path
    assert ColimaSsh("colima", "work").argv(["a b", "$(id)"], terminal=False) == [
        *("colima", "--profile", "work", "ssh", "--"),
        *("a b", "$(id)"),
    ]
    way = LimaConnection(folder)
    with pytest.raises(TransportError, match="keeps no connection"):
        way.argv(["true"], terminal=False)
    (folder / "ssh.config").write_text("Host lima-colima-work\n  Port 1\n")
    (folder / "ssh.sock").touch()
    argv_ = way.argv(["a b", "$(id)"], terminal=True)
    assert argv_[-3:] == ["lima-colima-work", "--", "'a b' '$(id)'"]
    assert "-tt" in argv_
    for _ in range(7):
        assert "-T" in way.argv(["true"], terminal=False)
    with pytest.raises(TransportError, match="busy"):
        way.argv(["true"], terminal=False)
    way.release()
    assert way.argv(["true"], terminal=False)
    assert instance("work") == "colima-work"


def test_a_mount_whose_folder_is_lost_has_the_cure() -> None:
    """As runc says it where the sshfs of a virtual machine has died."""
    words = (
        'failed to create shim task: OCI runtime create failed: runc create failed: error mounting "/Users/ada/shop" to'
        ' rootfs at "/workspace": stat /Users/ada/shop: no such file or directory'
    )
    profile = NerdctlProfile(hints=NerdctlHints(mount="Stop and start it."))
    error = failure(words, profile, "start_workspace", "dvm-shop")
    assert str(error).startswith("a mounted folder is not there any more")
    assert error.hint == "Stop and start it."


def test_what_had_run_before_its_machine_was_started_again_has_ended() -> None:
    one, other, broken = "1" * 64, "2" * 64, "3" * 64
    text = "\n".join(
        [
            json.dumps([{"Id": key, "Name": key[:4], "State": {}} for key in (one, other, broken)]),
            json.dumps({"Lifecycle": one, "State": {"started_at": "2026-11-23T22:48:48.5Z", "create_error": False}}),
            json.dumps({"Lifecycle": other, "State": {"started_at": "0001-01-01T00:00:00Z", "create_error": False}}),
            json.dumps({"Lifecycle": broken, "State": {"started_at": "2026-11-23T22:48:48.5Z", "create_error": True}}),
        ]
    )

    found = json_output.containers(text)

    assert [str(container.status) for container in found] == ["exited", "created", "created"]
    assert (found[0].exit_code, found[0].started) == (None, json_output.seconds("2026-11-23T22:48:48.5Z"))
