"""Pulls from a real registry that wants to know who asks, with the user's own credentials."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.api.client import APIClient
from tests.engines.image_registry import image_registry
from tests.engines.programs import need

from dvm_runtimes.engines.docker_api.docker_config import credentials, every_credential
from dvm_runtimes.engines.docker_api.images import PullProgress
from dvm_runtimes.errors import DvmError, ImageNotFoundError, OperationTimeoutError
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import Operation
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


@pytest.mark.parametrize("ask", [every_credential, lambda op: credentials("one.example/a", op)])
def test_a_helper_that_waits_for_somebody_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Operation], object]
) -> None:
    """With what it started, when the caller gives up."""
    helper(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; sleep 600; exit 1")
    configure(tmp_path, monkeypatch, credHelpers={"one.example": "test"})
    with pytest.raises(OperationTimeoutError), Operation("pull_image", timeout=1) as op:
        ask(op)
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_every_credential_goes_with_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = base64.b64encode(b"ada:x").decode()
    configure(tmp_path, monkeypatch, auths={"one.example": {"auth": known}, "two.example": {"auth": known}})
    with Operation("build_image", timeout=LIMIT) as op:
        found = every_credential(op)
    assert (set(found.values), found.problem) == ({"one.example", "two.example"}, "")


HELPERS = {
    "missing": (None, "docker-credential-test is not on the PATH"),
    "failing": ("echo the vault is locked; exit 3", "docker-credential-test failed: the vault is locked"),
    "silent": ("exit 3", "docker-credential-test failed: exit code 3"),
    "chatty": ("echo hello", "docker-credential-test printed no JSON"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("script", "problem"), HELPERS.values(), ids=list(HELPERS))
@pytest.mark.parametrize("member", ["credsStore", "credHelpers"])
def test_a_helper_that_fails_is_named_and_drops_no_other_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str, script: str | None, problem: str
) -> None:
    known = base64.b64encode(b"ada:x").decode()
    if script:
        helper(tmp_path, monkeypatch, script)
    value = "test" if member == "credsStore" else {"one.example": "test", "three.example": "test"}
    configure(tmp_path, monkeypatch, auths={"one.example": {"auth": known}, "bad": {"auth": "?"}}, **{member: value})
    with Operation("build_image", timeout=LIMIT) as op:
        of_one, all_of_them = credentials("one.example/a:1", op), every_credential(op)
    assert of_one.values["username"] == "ada"
    assert set(all_of_them.values) == {"one.example"}
    for found in (of_one, all_of_them):
        assert problem in found.problem
        assert "the entry of bad in config.json is broken" in found.problem


def test_the_error_of_a_pull_names_the_helper(
    runtime: ContainerRuntime, registry: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, credsStore="nosuch")
    with pytest.raises(ImageNotFoundError, match=image) as caught:
        runtime.pull_image(image, timeout=LIMIT)
    assert "The credential helper docker-credential-nosuch is not on the PATH. Log in" in caught.value.hint


def test_a_broken_configuration_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{nonsense")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Operation("build_image", timeout=LIMIT) as op:
        found = every_credential(op)
    assert (found.values, found.problem) == ({}, f"{tmp_path}/config.json cannot be used: it is not JSON")


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
