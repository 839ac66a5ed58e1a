"""Lets this machine reach what listens in another network: what Lima's guest agent does for Colima's ports.

A program of its own, with nothing but the standard library, to be run by a keeper:

    python forwarder.py PIDFILE READY

PIDFILE names a process in the other network. Whatever listens there on loopback
or on every address is listened for here, on loopback, at the same port; a port
that is taken here is left to its owner without a word, as Lima leaves it. READY
is a socket that takes connections once the first look is done.
"""

from __future__ import annotations

import ctypes
import os
import queue
import select
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LOOK_EVERY = 0.02
"""Seconds; the kernel tells nobody of a new listener."""

_CLONE_NEWNET = 0x40000000
_LISTEN = 10
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_DUMP = 0x301
"""NLM_F_REQUEST and NLM_F_DUMP."""
_ADDRESSES = {bytes((127, 0, 0, 1)), bytes(4), bytes(16), bytes((*[0] * 15, 1))}

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    pid_file, ready = map(Path, sys.argv[1:3])
    dialer = Dialer(pid_file)
    listeners = Listeners(pid_file)
    forwards: dict[int, Forward] = {}
    taken: set[int] = set()
    with socket.socket(socket.AF_UNIX) as answer:
        ready.unlink(missing_ok=True)
        answer.bind(str(ready))
        while True:
            ports = listeners.ports()
            for port in forwards.keys() - ports:
                forwards.pop(port).close()
            taken &= ports
            for port in ports - forwards.keys() - taken:
                try:
                    forwards[port] = Forward(port, dialer)
                except OSError:
                    taken.add(port)  # not tried again, as Lima does not
            answer.listen()
            select.select([], [], [], LOOK_EVERY)


class Listeners:
    """Which TCP ports something listens at in the other network, asked of the kernel (sock_diag(7)).

    ``/proc/PID/net/tcp`` tells the same, but takes a hundred times as long: it goes through every connection.
    """

    def __init__(self, pid_file: Path) -> None:
        self._pid_file = pid_file
        self._netlink: socket.socket | None = None
        self._pid = 0

    def ports(self) -> set[int]:
        """The ports; none while nothing is there, or is being started again."""
        try:
            pid = int(self._pid_file.read_text())
            if pid != self._pid or self._netlink is None:
                self._netlink, self._pid = netlink_of(pid), pid
            return {port for family in (socket.AF_INET, socket.AF_INET6) for port in self._ask(self._netlink, family)}
        except (OSError, ValueError):
            self._netlink = None
            return set()

    def _ask(self, netlink: socket.socket, family: int) -> Iterator[int]:
        request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, 1 << _LISTEN)
        netlink.send(struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _DUMP, 0, 0) + request)
        while True:
            data = netlink.recv(65536)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind != _SOCK_DIAG_BY_FAMILY:
                    return  # the end, or a refusal
                port, address = struct.unpack_from("!H2x16s", data, 20)
                if address[: 4 if family == socket.AF_INET else 16] in _ADDRESSES:
                    yield port
                data = data[(length + 3) & ~3 :]


def netlink_of(pid: int) -> socket.socket:
    """A socket to the kernel about the network of that process, made by a thread that enters it and ends."""
    made: queue.Queue[socket.socket | OSError] = queue.Queue()

    def make() -> None:
        try:
            enter(pid)
            made.put(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG))
        except OSError as error:
            made.put(error)

    threading.Thread(target=make, daemon=True).start()
    outcome = made.get()
    if isinstance(outcome, OSError):
        raise outcome
    return outcome


def enter(pid: int) -> None:
    """Take this thread into the network of that process."""
    with Path(f"/proc/{pid}/ns/net").open() as network:
        if _libc.setns(network.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


class Dialer:
    """Makes connections in the other network, from a thread that has entered it."""

    def __init__(self, pid_file: Path) -> None:
        self._pid_file = pid_file
        self._wanted: queue.Queue[tuple[int, queue.Queue[socket.socket | None]]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def dial(self, port: int) -> socket.socket | None:
        """A connection to that port; None if it was refused."""
        answer: queue.Queue[socket.socket | None] = queue.Queue()
        self._wanted.put((port, answer))
        return answer.get()

    def _run(self) -> None:
        while True:
            port, answer = self._wanted.get()
            try:
                enter(int(self._pid_file.read_text()))
                made = socket.create_connection(("127.0.0.1", port), 10)
                made.settimeout(None)  # a connection may be silent for as long as it likes
                answer.put(made)
            except (OSError, ValueError):
                answer.put(None)


class Forward:
    """One port: whoever connects here is connected there."""

    def __init__(self, port: int, dialer: Dialer) -> None:
        self._port = port
        self._dialer = dialer
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind(("127.0.0.1", port))
            self._listener.listen()
        except OSError:
            self._listener.close()
            raise
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                here, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(here,), daemon=True).start()

    def _join(self, here: socket.socket) -> None:
        there = self._dialer.dial(self._port)
        if there is None:
            here.close()
            return
        back = threading.Thread(target=copy, args=(there, here), daemon=True)
        back.start()
        copy(here, there)
        back.join()
        here.close()
        there.close()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Everything from one to the other, and the end of it."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    os.umask(0o077)
    main()
