"""Whatever is wrong with a command's argument, the error names the member, and nothing is started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.wire_client import DVM_SERVER, WireClient, serving

DEV = {"imageName": "mock:latest", "workspaceName": "dev"}


@pytest.fixture(scope="module")
def client() -> Iterator[WireClient]:
    with serving(*DVM_SERVER, "--runtime", "mock", rootUri="file:///tmp") as client:
        yield client


@pytest.mark.parametrize(
    ("command", "argument", "field"),
    [
        ("dvm.workspace.start", {"imageNam": "x"}, "imageNam"),
        ("dvm.workspace.start", {"imageName": "UPPER", "workspaceName": "d"}, "imageName"),
        ("dvm.workspace.start", {**DEV, "memory": "lots"}, "memory"),
        ("dvm.workspace.start", {**DEV, "workingDir": "relative"}, "workingDir"),
        ("dvm.workspace.start", {**DEV, "ports": [{"container": 80}, {"container": 99999}]}, "ports[1].container"),
        ("dvm.workspace.start", {**DEV, "mounts": [{"source": "/x", "destination": "x"}]}, "mounts[0].destination"),
        ("dvm.workspace.start", {**DEV, "env": {"A": 1}}, "env['A']"),
        ("dvm.workspace.start", {**DEV, "ready": {"type": "magic"}}, "ready.type"),
        ("dvm.workspace.start", {**DEV, "ready": {"type": "http"}}, "ready.port"),
        ("dvm.workspace.start", {**DEV, "privileged": "yes"}, "privileged"),
        ("dvm.workspace.start", "text", "arguments[0]"),
        ("dvm.workspace.stop", {"workspace": ["dev"]}, "workspace"),
        ("dvm.workspace.stop", {"workspace": "dev", "grace": -1}, "grace"),
        ("dvm.workspace.status", {"workspace": "x\ny"}, "workspace"),
        ("dvm.workspace.status", {"folder": "http://x"}, "folder"),
        ("dvm.workspace.exec", {"workspace": "dev"}, "command"),
        ("dvm.workspace.exec", {"workspace": "dev", "command": "ls"}, "command"),
        ("dvm.workspace.exec", {"workspace": "dev", "command": ["a\0b"]}, "command"),
        ("dvm.workspace.exec", {"workspace": "dev", "command": ["\ud800"]}, "command"),
        ("dvm.workspace.start", {**DEV, "env": {"\udcff": "1"}}, "env"),
        ("dvm.workspace.status", {"work\ud800space": "dev"}, "arguments[0]"),
        (
            "dvm.workspace.exec",
            {"workspace": "dev", "command": ["a"], "input": "%", "inputEncoding": "base64"},
            "input",
        ),
        ("dvm.workspace.exec", {"workspace": "dev", "command": ["a"], "inputEncoding": "utf-7"}, "inputEncoding"),
        ("dvm.workspace.logs", {"workspace": "dev", "tail": 1.5}, "tail"),
        ("dvm.workspace.list", {"workspace": "dev"}, "workspace"),
        ("dvm.workspace.remove", {"workspace": "dev", "force": 1}, "force"),
        ("dvm.image.build", {"imageName": "x", "buildArgs": {"A": []}}, "buildArgs['A']"),
        ("dvm.image.build", {"imageName": "x", "appPath": "~nobody-of-that-name/x"}, "appPath"),
        ("dvm.runtime.info", {"runtime": 1}, "runtime"),
        ("dvm.workspace.start", {**DEV, "timeout": 0}, "timeout"),
    ],
)
def test_a_wrong_member_is_named(client: WireClient, command: str, argument: Any, field: str) -> None:
    error = client.failure(command, argument)
    assert error.code == -32602
    assert (error.data["kind"], error.data["field"]) == ("invalid_option", field)
    assert client.command("dvm.workspace.list") == []
