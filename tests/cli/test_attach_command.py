"""The command of a terminal in another process: exactly the same engine, and no value in its arguments."""

from __future__ import annotations

from dvm_runtimes.cli.attach_command import attach_command
from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.options import AttachOptions


def test_the_engine_is_named_by_its_address() -> None:
    runtime = MockRuntime("attach-command")
    terminal = attach_command(runtime, "dvm-dev", AttachOptions(), {})
    assert terminal.args == ["-m", "dvm_runtimes.cli", "attach", "--runtime", runtime.selector, "dvm-dev"]
    assert runtime.endpoint in runtime.selector
    assert terminal.env == {}


def test_the_keys_of_the_engine_go_with_it() -> None:
    environ = {
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/keys",
        "HOME": "/home/me",
        "DOCKER_AUTH_CONFIG": "secret",
    }
    terminal = attach_command(MockRuntime("attach-command"), "dvm-dev", AttachOptions(), environ)
    assert terminal.env == {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/keys"}


def test_values_of_variables_are_in_the_environment_only() -> None:
    options = AttachOptions(
        shell="/bin/sh", login_shell=False, env={"TOKEN": "hunter2"}, uid=7, gid=8, working_dir="/tmp", command=["ls"]
    )
    terminal = attach_command(MockRuntime("attach-command"), "dvm-dev", options, {})
    given = "--shell /bin/sh --no-login --workdir /tmp --user 7:8 --env TOKEN dvm-dev -- ls"
    assert " ".join(terminal.args[5:]) == given
    assert terminal.env == {"TOKEN": "hunter2"}
    assert "hunter2" not in repr(terminal.args)
