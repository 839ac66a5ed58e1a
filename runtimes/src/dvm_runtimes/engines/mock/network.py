"""A container's network: what listens in it, and the ports of this host that lead to it.

A published port is a real one, bound on this host. A connection to it is
handed over as it is to whatever listens inside; where nothing does, it is
closed at once, as an engine's proxy does it.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import threading
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dvm_runtimes.infos import HostPort
from dvm_runtimes.options import Port

from .tree import problem

if TYPE_CHECKING:
    from .processes import Process

_BACKLOG = 128
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- what a user asked for, and where it is reached


class PortTakenError(Exception):
    """A port of this host cannot be had."""


class Listener:
    """A listening port inside: connections wait in it."""

    def __init__(self, lock: threading.RLock) -> None:
        self.condition = threading.Condition(lock)
        self._waiting: deque[socket.socket] = deque()
        self.closed = False

    def offer(self, connection: socket.socket) -> None:
        """A connection from outside."""
        with self.condition:
            if self.closed:
                connection.close()
                return
            self._waiting.append(connection)
            self.condition.notify_all()

    def accept(self, process: Process) -> socket.socket:
        """Wait for the next connection."""
        with self.condition:
            process.block(self.condition, lambda: bool(self._waiting))
            return self._waiting.popleft()

    def close(self) -> None:
        """Refuse what waits and what comes."""
        with self.condition:
            self.closed = True
            while self._waiting:
                self._waiting.popleft().close()


class Network:
    """One run's network.

    Args:
        lock: the engine's lock.
        mode: as in `ContainerSpec.network_mode`; under ``host``, what listens inside listens on this host's loopback.
        ports: what is published; bound at once.

    Raises:
        PortTakenError: a port of this host cannot be had.
    """

    def __init__(self, lock: threading.RLock, mode: str, ports: Iterable[Port]) -> None:
        self._lock = lock
        self._mode = mode
        self._listeners: dict[int, Listener] = {}
        self._published: list[Forwarder] = []
        self.ports: dict[str, HostPort] = {}
        if mode in ("host", "none"):
            return
        try:
            for port in ports:
                forwarder = Forwarder(self, port.container, port.host_ip, port.host or 0, port.protocol)
                self._published.append(forwarder)
                self.ports[port.key] = HostPort(_ANY.get(port.host_ip, port.host_ip), forwarder.number)
        except PortTakenError:
            self.close()
            raise

    def listen(self, port: int) -> Listener:
        """Listen inside.

        Raises:
            OSError: the port is taken.
        """
        with self._lock:
            if port in self._listeners:
                raise problem(errno.EADDRINUSE)
            listener = self._listeners[port] = Listener(self._lock)
        if self._mode == "host":
            try:
                self._published.append(Forwarder(self, port, "127.0.0.1", port, "tcp"))
            except PortTakenError:
                self.unlisten(port)
                raise problem(errno.EADDRINUSE) from None
        return listener

    def unlisten(self, port: int) -> None:
        """Stop listening inside."""
        with self._lock:
            listener = self._listeners.pop(port, None)
            released = [one for one in self._published if self._mode == "host" and one.inside == port]
            self._published = [one for one in self._published if one not in released]
        if listener is not None:
            listener.close()
        for forwarder in released:
            forwarder.close()

    def connect(self, port: int, connection: socket.socket) -> None:
        """A connection that came to a port of this host."""
        with self._lock:
            listener = self._listeners.get(port)
        if listener is None:
            connection.close()
        else:
            listener.offer(connection)

    def listening(self) -> list[int]:
        """The ports that something inside listens on."""
        with self._lock:
            return sorted(self._listeners)

    def close(self) -> None:
        """Release this host's ports."""
        with self._lock:
            published, self._published = self._published, []
            listeners = list(self._listeners.values())
            self._listeners.clear()
        for listener in listeners:
            listener.close()
        for forwarder in published:
            forwarder.close()


class Forwarder:
    """One port of this host, and the thread that takes its connections.

    Args:
        network: whose port it leads to.
        inside: that port.
        address, number: of this host; number 0 takes a free one.
        protocol: a UDP port is held, but nothing inside the mock answers there.
    """

    def __init__(self, network: Network, inside: int, address: str, number: int, protocol: str) -> None:
        self.inside = inside
        self._network = network
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        self._socket = socket.socket(family, kind)
        try:
            if kind == socket.SOCK_STREAM:
                # Connections of an earlier run that are still ending do not hold the port.
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((address, number))
            if kind == socket.SOCK_STREAM:
                self._socket.listen(_BACKLOG)
        except OSError as error:
            self._socket.close()
            reason = "port is already allocated" if error.errno == errno.EADDRINUSE else error.strerror
            raise PortTakenError(f"Bind for {address}:{number} failed: {reason}") from None
        self._socket.setblocking(False)
        self.number: int = self._socket.getsockname()[1]
        self._wake_read, self._wake_write = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"mock-port-{self.number}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Release the port."""
        self._wake_write.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector, self._socket, self._wake_read:
            selector.register(self._wake_read, selectors.EVENT_READ)
            if self._socket.type == socket.SOCK_STREAM:
                selector.register(self._socket, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wake_read in ready:
                    return
                with contextlib.suppress(OSError):  # it went away before it was accepted
                    connection, _ = self._socket.accept()
                    connection.setblocking(True)
                    self._network.connect(self.inside, connection)
