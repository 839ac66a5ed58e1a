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
import sys
import threading
from contextlib import suppress
from pathlib import Path

LOOK_EVERY = 0.02
"""Seconds; the kernel tells nobody of a new listener."""

_CLONE_NEWNET = 0x40000000
_LISTEN = "0A"
# In the kernel's notation: each group of four bytes the other way round.
_ADDRESSES = {"0100007F", "00000000", "0" * 32, "00000000000000000000000001000000"}

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    pid_file, ready = map(Path, sys.argv[1:3])
    dialer = Dialer(pid_file)
    forwards: dict[int, Forward] = {}
    taken: set[int] = set()
    with socket.socket(socket.AF_UNIX) as answer:
        ready.unlink(missing_ok=True)
        answer.bind(str(ready))
        while True:
            ports = listening(pid_file)
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


def listening(pid_file: Path) -> set[int]:
    """The TCP ports that something listens at in the other network."""
    ports = set()
    with suppress(OSError, ValueError):  # it is not there, or being started again
        pid = int(pid_file.read_text())
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                address, _, port = local.partition(":")
                if state == _LISTEN and address in _ADDRESSES:
                    ports.add(int(port, 16))
    return ports


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
                with Path(f"/proc/{self._pid_file.read_text().strip()}/ns/net").open() as network:
                    if _libc.setns(network.fileno(), _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                made = socket.create_connection(("127.0.0.1", port), 10)
                made.settimeout(None)  # a connection may be silent for as long as it likes
                answer.put(made)
            except OSError:
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
