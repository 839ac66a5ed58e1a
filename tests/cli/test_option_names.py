"""Errors name the options of the command, not the fields of the library."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
import pytest

from dvm_runtimes.cli import main
from dvm_runtimes.cli.app import app
from dvm_runtimes.cli.option_names import in_options, spelling
from dvm_runtimes.errors import DvmError, EngineError, InvalidOptionError
from dvm_runtimes.options import AttachOptions, BuildOptions, ExecOptions, StartOptions

NOT_OFFERED = {"folder", "network_aliases", "tty", "input", "on_stdout", "on_stderr"}
"""Fields that no option sets."""

OPTIONS = {"up": StartOptions, "build": BuildOptions, "exec": ExecOptions, "attach": AttachOptions}

FIELDS = [
    (command, field.name)
    for command, options in OPTIONS.items()
    for field in dataclasses.fields(options)
    if field.name not in NOT_OFFERED and (command, field.name) not in {("exec", "command"), ("attach", "command")}
]

NEEDED = ("--image", "a:1")

CASES = {
    "--image": ["up", "x", "--image", "Debian:12"],
    "--app": ["up", "x", *NEEDED, "--app", "/etc"],
    "--app-name": ["up", "x", *NEEDED, "--app-name", " "],
    "NAME": ["up", " ", *NEEDED],
    "--container-name": ["up", "x", *NEEDED, "--container-name", "@"],
    "--workdir": ["up", "x", *NEEDED, "--workdir", "here"],
    "-w": ["up", "x", *NEEDED, "-w", "here"],
    "--env": ["up", "x", *NEEDED, "--env", "A B=1"],
    "-e": ["up", "x", *NEEDED, "-e", "DVM_X=1"],
    "--env-file": ["up", "x", *NEEDED, "--env-file", "none"],
    "--mount": ["up", "x", *NEEDED, "--mount", "type=bind,src=/etc,dst=/x"],
    "--volume": ["up", "x", *NEEDED, "--volume", "/etc:/x"],
    "-v": ["up", "x", *NEEDED, "-v", "x"],
    "--publish": ["up", "x", *NEEDED, "--publish=99999"],
    "-p": ["up", "x", *NEEDED, "-p99999"],
    "--network": ["up", "x", *NEEDED, "--network", "?"],
    "--add-host": ["up", "x", *NEEDED, "--add-host", "x"],
    "--memory": ["up", "x", *NEEDED, "--memory", "1k"],
    "--shm-size": ["up", "x", *NEEDED, "--shm-size", "x"],
    "--cpus": ["up", "x", *NEEDED, "--cpus", "-1"],
    "--pids-limit": ["up", "x", *NEEDED, "--pids-limit", "-1"],
    "--uid": ["up", "x", *NEEDED, "--uid", "-1"],
    "--gid": ["up", "x", *NEEDED, "--gid", "-1"],
    "--label": ["up", "x", *NEEDED, "--label", "io.devopsmaestro.app=x"],
    "--ready": ["up", "x", *NEEDED, "--ready", "log:("],
    "--cmd": ["up", "x", *NEEDED, "--cmd", "'"],
    "--entrypoint": ["up", "x", *NEEDED, "--entrypoint", "'"],
    "--platform": ["up", "x", *NEEDED, "--platform", "a b"],
    "--ttl": ["up", "x", *NEEDED, "--ttl", "0"],
    "--owner-pid": ["up", "x", *NEEDED, "--owner-pid", "999999999"],
    "FOLDER": ["build", "none"],
    "--tag": ["build", "--tag", "A", "."],
    "-t": ["build", "-t", "A", "."],
    "--file": ["build", "--file", "none", "."],
    "--build-arg": ["build", "--build-arg", "=1", "."],
    "--secret": ["build", "--secret", "id=a,src=none", "--file", "Dockerfile", "."],
    "--target": ["build", "--target", "a b", "."],
    "WORKSPACE": ["context", "set", " "],
    "--runtime": ["ls", "--runtime", "dokcer"],
}


def command_named(name: str) -> click.Command:
    command = app.get_command(app.make_context("dvm", []), name)
    assert isinstance(command, click.Command)
    return command


@pytest.mark.parametrize(("command", "field"), FIELDS)
def test_each_field_has_an_option(command: str, field: str) -> None:
    option = spelling(field, command_named(command), [])

    assert option is not None
    assert option.startswith("--") or option.isupper()


@pytest.mark.parametrize("option", CASES)
def test_an_error_names_the_option(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "Dockerfile").write_text("FROM mock:latest\n")
    arguments = CASES[option]

    code = main(arguments if "--runtime" in arguments else ["--runtime", "mock", *arguments])

    shown = capsys.readouterr().err
    assert code == 2
    assert re.match(rf"dvm: {re.escape(option)}[= ]", shown), shown
    fields = {field for _, field in FIELDS if "_" in field}
    assert not fields & set(re.findall(r"[a-z_]+", shown.replace("Dockerfile", ""))), shown


def test_json_keeps_the_field(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    main(["up", "x", "--image", "A", "--runtime", "mock", "--json"])

    error = json.loads(capsys.readouterr().err)["error"]
    assert error["field"] == "image_name"
    assert error["message"].startswith("--image='A': ")


def test_hints_are_translated_too() -> None:
    error = EngineError("x", hint="Start with `on_drift=reuse`, or choose another `container_name`; see `dvm ls`.")

    found = in_options(error, command_named("up"), [])

    assert found.hint == "Start with `--on-drift reuse`, or choose another `--container-name`; see `dvm ls`."
    assert isinstance(found, DvmError)
    assert error.hint.startswith("Start with `on_drift=")


def test_a_field_that_is_no_option_stays() -> None:
    error = InvalidOptionError("configuration file", "/x", "is not TOML")

    assert str(in_options(error, app, [])) == str(error)
