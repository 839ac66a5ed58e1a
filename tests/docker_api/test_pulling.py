"""Pulls from a real registry that wants to know who asks, with the user's own credentials."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.api.client import APIClient
from tests.engines.image_registry import image_registry
from tests.engines.programs import need

from dvm_runtimes.engines.docker_api.docker_config import every_credential
from dvm_runtimes.engines.docker_api.images import PullProgress
from dvm_runtimes.errors import DvmError, ImageNotFoundError, OperationCancelledError
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import CancelToken, Operation
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT

USER, PASSWORD = "ada", "open sesame"
# Of that password, made once.
HASH = "$2b$04$26kvIuC.U00Ug2CB256enOLllrHr53MoV24R09xYZStPA.VeFqd8W"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of a registry that wants to know who asks."""
    users = tmp_path / "users"
    users.write_text(f"{USER}:{HASH}\n")
    with image_registry(need("docker-registry"), tmp_path, users) as address:
        yield address


@pytest.fixture
def image(registry: str, runtime: ContainerRuntime) -> Iterator[str]:
    """An image that only the registry has."""
    name = f"{registry}/dvm-test/private-{secrets.token_hex(4)}"
    with contextlib.closing(APIClient(runtime.endpoint)) as client:
        client.tag("dvm-test/base:1", name, "1")
        told = client.push(name, "1", auth_config={"username": USER, "password": PASSWORD})
    assert "error" not in told, told
    runtime.remove_image(f"{name}:1")
    yield f"{name}:1"
    try:
        runtime.remove_image(f"{name}:1")
    except ImageNotFoundError:
        pass  # it was not pulled


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, **config: object) -> None:
    """The user's Docker folder."""
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A credential helper called "test"."""
    program = folder / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_with_the_users_password(
    runtime: ContainerRuntime, registry: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    configure(tmp_path, monkeypatch, auths={registry: {"auth": known}})
    heard: list[ProgressEvent] = []
    found = runtime.pull_image(image, heard.append, timeout=LIMIT)
    assert image in found.tags
    assert heard
    assert PASSWORD not in str(heard)


def test_with_a_credential_helper(
    runtime: ContainerRuntime, registry: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.dumps({"ServerURL": registry, "Username": USER, "Secret": PASSWORD})
    helper(tmp_path, monkeypatch, f"cat >/dev/null; echo '{told}'")
    configure(tmp_path, monkeypatch, credHelpers={registry: "test"})
    assert image in runtime.pull_image(image, timeout=LIMIT).tags


@pytest.mark.parametrize("auth", [None, "wrong", "nonsense"])
def test_without_the_password(
    runtime: ContainerRuntime,
    registry: str,
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    auth: str | None,
) -> None:
    """`ImageNotFoundError`, which says to log in and shows no password."""
    known = base64.b64encode(f"{USER}:not the {PASSWORD}".encode()).decode() if auth == "wrong" else auth
    configure(tmp_path, monkeypatch, auths={registry: {"auth": known}} if known else {})
    with pytest.raises(ImageNotFoundError, match=image) as caught:
        runtime.pull_image(image, timeout=LIMIT)
    assert "docker login" in caught.value.hint
    assert PASSWORD not in str(caught.value.to_dict())


def test_a_helper_that_waits_for_somebody_holds_nobody_up(
    runtime: ContainerRuntime, registry: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left behind when the caller gives up; here it goes on once its pipe is opened."""
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    helper(tmp_path, monkeypatch, f"cat {pipe}; exit 1")
    configure(tmp_path, monkeypatch, credHelpers={registry: "test"})
    cancel = CancelToken()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    with pytest.raises(OperationCancelledError):
        runtime.pull_image(image, timeout=LIMIT, cancel=cancel)
    pipe.write_bytes(b"")
    for thread in threading.enumerate():
        if thread.name == "dvm-credentials":
            thread.join(LIMIT)


def test_every_credential_goes_with_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = base64.b64encode(b"ada:x").decode()
    configure(tmp_path, monkeypatch, auths={"one.example": {"auth": known}, "two.example": {"auth": known}})
    with Operation("build_image", timeout=LIMIT) as op:
        assert set(every_credential(op)) == {"one.example", "two.example"}


def test_a_broken_configuration_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{nonsense")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Operation("build_image", timeout=LIMIT) as op:
        assert every_credential(op) == {}


def test_progress_of_layers() -> None:
    heard: list[ProgressEvent] = []
    shown = PullProgress(heard.append, "a:1")
    shown.take({"status": "Pulling from a", "id": "1"})
    shown.take({"status": "Downloading", "id": "0123456789ab", "progressDetail": {"current": 1, "total": 4}})
    shown.take({"progressDetail": {}})
    assert heard == [
        ProgressEvent("Pulling a:1", message="Pulling from a"),
        ProgressEvent("Downloading layer 0123456789ab", 1, 4),
    ]


def test_a_registry_that_is_not_there(runtime: ContainerRuntime) -> None:
    with pytest.raises(DvmError) as caught:
        runtime.pull_image("127.0.0.1:1/no/such:1", timeout=LIMIT)
    assert isinstance(caught.value, ImageNotFoundError)
