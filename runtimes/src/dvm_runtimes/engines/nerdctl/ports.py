"""Ports of this machine: whether they are free before a start, and reached after one."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import socket
import threading
from collections.abc import Iterable, Mapping

from dvm_runtimes.errors import EngineError
from dvm_runtimes.infos import HostPort
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import Port

from .profile import NerdctlProfile

FORWARD_LIMIT = 10.0
"""Seconds in which a virtual machine's port has to be reached from here."""

RELEASE_LIMIT = 5.0
"""Seconds that a virtual machine may take to give up a port whose container has ended."""

_PAUSE = 0.02


def with_host_ports(ports: Iterable[Port]) -> tuple[Port, ...]:
    """``ports`` with a free port of this machine for each that asks for any.

    nerdctl would choose one too, but the same one for each container that was made and not started yet, and with
    no look at the machine that a virtual machine's ports are forwarded to.

    Raises:
        OSError: the address is not this machine's.
    """
    found = []
    with contextlib.ExitStack() as held:
        for port in ports:
            if port.host is None:
                probe = held.enter_context(_socket(port))
                probe.bind((port.host_ip, 0))
                port = dataclasses.replace(port, host=probe.getsockname()[1])
            found.append(port)
    return tuple(found)


def _socket(port: Port) -> socket.socket:
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    return socket.socket(socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET, kind)


def refuse_taken(ports: Iterable[Port], profile: NerdctlProfile, op: Operation) -> None:
    """Refuse a start on a port that somebody else has: nobody below would say a word.

    The rules that publish a port take connections away from whoever listens
    there, and Colima leaves the port to its owner; both in silence. A virtual
    machine's may be its own still, of a container that has just ended: those are
    looked at again.

    Raises:
        EngineError: naming the port.
    """
    import time

    end = time.monotonic() + (RELEASE_LIMIT if profile.in_vm else 0.0)
    for port in ports:
        while problem := _taken(port):
            if time.monotonic() >= end:
                raise EngineError(
                    f"port {port.host} of {port.host_ip} is taken by somebody else",
                    hint=profile.hints.port,
                    platform=profile.platform_name,
                    operation=op.name,
                    detail=problem,
                )
            op.check()
            op.wait(threading.Event(), _PAUSE)


def _taken(port: Port) -> str:
    """The system's message if a port of this machine is taken; else empty."""
    if port.host is None:
        return ""
    with _socket(port) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host_ip, port.host))
        except OSError as error:
            # Else it is an address of another network namespace, or a low port: not ours to judge.
            return str(error) if error.errno == errno.EADDRINUSE else ""
    return ""


def await_forwarded(ports: Mapping[str, HostPort], profile: NerdctlProfile, op: Operation) -> None:
    """Wait until this host reaches each published TCP port of the virtual machine.

    Raises:
        EngineError: one is not reached in time; the virtual machine did not forward it.
    """
    for key, address in ports.items():
        if key.endswith("/tcp"):
            _await(key, address, profile, op)


def _await(key: str, address: HostPort, profile: NerdctlProfile, op: Operation) -> None:
    import time

    end = time.monotonic() + FORWARD_LIMIT
    while True:
        op.check()
        with contextlib.suppress(OSError), socket.create_connection((address.host, address.port), timeout=1.0):
            return
        if time.monotonic() > end:
            raise EngineError(
                f"port {key} was published, but {profile.platform_name} does not forward it to"
                f" {address.host}:{address.port}",
                hint="Restart the virtual machine if this goes on, or choose another host port.",
                platform=profile.platform_name,
                operation=op.name,
            )
        op.wait(threading.Event(), _PAUSE)
