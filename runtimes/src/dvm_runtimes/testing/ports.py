"""Ports and networks: reached from this host where that was asked for, and from nowhere else."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest

from dvm_runtimes.errors import DvmError, NameConflictError
from dvm_runtimes.infos import HostPort
from dvm_runtimes.options import Port
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.waiting import TcpPort

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require
from .waits import HTTPD, PORT


class PortConformance(ConformanceCase):
    """``StartOptions.ports`` and ``network_mode``."""

    def server(self, bench: Bench, *ports: Port, **options: object) -> str:
        """A workspace that serves HTTP on `PORT`."""
        return bench.start(command=["sh", "-c", HTTPD], ports=ports, ready=TcpPort(PORT), **options)

    def fetch(self, address: HostPort) -> bytes:
        """What is served there."""
        connection = http.client.HTTPConnection(address.host, address.port, timeout=LIMIT)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read()
        finally:
            connection.close()

    @contextmanager
    def free_port(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> Iterator[tuple[int, socket.socket]]:
        """A port of this host, held by us until the socket is closed."""
        with socket.socket(socket.AF_INET, kind) as holder:
            holder.bind(("127.0.0.1", 0))
            yield holder.getsockname()[1], holder

    def test_ports_are_reached_from_this_host(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The engine chooses a free one on loopback, and tells which; several workspaces do not collide."""
        require(runtime, "ports")
        workspaces = [self.server(bench, Port(PORT)) for _ in range(2)]
        addresses = [runtime.published_ports(workspace)[f"{PORT}/tcp"] for workspace in workspaces]
        assert len(set(addresses)) == 2
        for workspace, address in zip(workspaces, addresses, strict=True):
            assert address.host == "127.0.0.1"
            assert self.fetch(address) == b"served\n"
            assert bench.info(workspace).ports == {f"{PORT}/tcp": address}

    def test_ports_can_be_chosen(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The host's port is the one that was asked for."""
        require(runtime, "ports")
        with self.free_port() as (number, holder):
            holder.close()
            workspace = self.server(bench, Port(PORT, number))
        assert runtime.published_ports(workspace) == {f"{PORT}/tcp": HostPort("127.0.0.1", number)}
        assert self.fetch(HostPort("127.0.0.1", number)) == b"served\n"

    def test_ports_that_are_taken(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A port of this host that somebody has is an error that names it, and nothing is left."""
        require(runtime, "ports")
        first = self.server(bench, Port(PORT))
        taken = runtime.published_ports(first)[f"{PORT}/tcp"].port
        options = bench.options(ports=[Port(PORT, taken)])
        with pytest.raises(DvmError) as caught:
            runtime.start_workspace(options, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_workspace")
        assert str(taken) in f"{caught.value} {caught.value.detail}"
        bench.assert_nothing_of(options)

    def test_ports_have_a_protocol(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """TCP and UDP of one number are two ports."""
        require(runtime, "ports")
        workspace = bench.start(ports=[Port(5353), Port(5353, protocol="udp")])
        assert sorted(runtime.published_ports(workspace)) == ["5353/tcp", "5353/udp"]

    def test_ports_are_there_while_it_runs(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """None without a wish, none of a stopped one, and some again after a start."""
        assert runtime.published_ports(bench.start()) == {}
        require(runtime, "ports")
        options = bench.options(ports=[Port(PORT)], command=["sh", "-c", HTTPD], ready=TcpPort(PORT))
        workspace = runtime.start_workspace(options, timeout=LIMIT)
        runtime.stop_workspace(workspace)
        assert runtime.published_ports(workspace) == {}
        runtime.start_workspace(options, timeout=LIMIT)
        assert self.fetch(runtime.published_ports(workspace)[f"{PORT}/tcp"]) == b"served\n"

    def test_ports_survive_a_replacement(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A recreated workspace gets the port that the old one had."""
        require(runtime, "ports")
        with self.free_port() as (number, holder):
            holder.close()
            name = bench.name()
            self.server(bench, Port(PORT, number), workspace_name=name)
            new = self.server(bench, Port(PORT, number), workspace_name=name, env={"WHICH": "new"})
        assert runtime.published_ports(new) == {f"{PORT}/tcp": HostPort("127.0.0.1", number)}
        assert self.fetch(HostPort("127.0.0.1", number)) == b"served\n"

    # Networks

    @pytest.mark.parametrize("mode", ["bridge", "none"])
    def test_network_modes(self, runtime: ContainerRuntime, bench: Bench, mode: Literal["bridge", "none"]) -> None:
        """The engine's bridge, or no network at all: something can listen in both."""
        require(runtime, "network_modes")
        self.server(bench, network_mode=mode)

    def test_network_of_the_host(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What listens inside listens on the host itself."""
        require(runtime, "host_network")
        with self.free_port() as (number, holder):
            holder.close()
            script = HTTPD.replace(str(PORT), f"127.0.0.1:{number}")
            bench.start(command=["sh", "-c", script], network_mode="host", ready=TcpPort(number))
        assert self.fetch(HostPort("127.0.0.1", number)) == b"served\n"

    def test_network_that_is_not_there(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The error names it, and nothing is left."""
        require(runtime, "network_modes")
        name = bench.name()
        options = bench.options(network_mode=name)
        with pytest.raises(DvmError) as caught:
            runtime.start_workspace(options, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_workspace")
        assert name in f"{caught.value} {caught.value.detail}"
        bench.assert_nothing_of(options)

    def test_network_of_ones_own(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """It is made once, workspaces start on it, and it can be removed again and again."""
        require(runtime, "network_modes")
        name = bench.name()
        runtime.create_network(name)
        try:
            with pytest.raises(NameConflictError, match=name) as caught:
                runtime.create_network(name)
            assert_typed(caught.value, runtime, "create_network")
            workspace = self.server(bench, network_mode=name)
            runtime.remove_workspace(workspace, force=True)
        finally:
            runtime.remove_network(name)
        runtime.remove_network(name)
        with pytest.raises(DvmError):
            runtime.start_workspace(bench.options(network_mode=name), timeout=LIMIT)
