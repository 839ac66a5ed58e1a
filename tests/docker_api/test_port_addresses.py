"""The addresses of published ports for a process that runs in a container of the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dvm_runtimes.engines.docker_api import engine as driver
from dvm_runtimes.options import Port
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import Start, runtime_at

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

SERVER: dict[str, Any] = {
    "command": ["sh", "-c", "echo it works >/tmp/index.html; exec httpd -f -p 80 -h /tmp"],
    "ports": [Port(80)],
    "uid": 0,
    "gid": 0,
}


@pytest.fixture
def own(start: Start, monkeypatch: pytest.MonkeyPatch) -> str:
    """A container in which this process seems to run."""
    container = start()
    monkeypatch.setattr(driver, "own_container", lambda: container)
    return container


@pytest.fixture
def inside(own: str, docker_engine: RunningEngine) -> Iterator[ContainerRuntime]:
    """A runtime of a process in that container."""
    with runtime_at(docker_engine.endpoint) as runtime:
        yield runtime


def test_the_container_s_own_address_on_a_shared_network(
    runtime: ContainerRuntime, inside: ContainerRuntime, start: Start, own: str
) -> None:
    server = start(**SERVER)

    address = inside.published_ports(server)["80/tcp"]
    (listed,) = [one for one in inside.list_workspaces() if one.id == server]
    assert listed.ports == {"80/tcp": address}
    assert address.port == 80
    fetch = f"until wget -q -O - http://{address.host}:{address.port}/; do sleep 0.1; done"
    assert runtime.exec_in_workspace(own, ["sh", "-c", fetch], timeout=60).stdout == b"it works\n"


def test_loopback_of_the_engine_s_host_is_not_reported(
    runtime: ContainerRuntime, inside: ContainerRuntime, start: Start
) -> None:
    runtime.create_network("ports-apart")
    server = start(**SERVER, network_mode="ports-apart")
    try:
        assert inside.published_ports(server) == {}
    finally:
        runtime.remove_workspace(server, force=True)
        runtime.remove_network("ports-apart")


def test_a_container_that_the_engine_does_not_know(
    docker_engine: RunningEngine, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs an engine of its own, whose ports are on its loopback."""
    monkeypatch.setattr(driver, "own_container", lambda: "0" * 64)

    with runtime_at(docker_engine.endpoint) as runtime:
        assert runtime.published_ports(start(**SERVER))["80/tcp"].host == "127.0.0.1"
