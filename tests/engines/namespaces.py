"""Network and mount namespaces of the tests' own: nothing that an engine does there changes this machine.

The process that tests run in enters them at its start. Its engines and what else it starts are in them too, so
published ports and sockets are where the tests look for them. Each worker of pytest-xdist has a network of its own,
for engines of one kind undo each other's firewall rules. A network has a loopback device and no way out. `/run` is
empty: the sockets of this machine's own engines are not there.

All goes with the last process in them: every bridge, firewall rule, sysctl and mount.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

INSIDE = "DVM_TEST_NAMESPACE"
"""The variable that names the network namespace to the processes that inherit it."""

OUTSIDE = Path("/run/network-of-this-machine")
"""The network that was left."""


def inside() -> bool:
    """Whether this process is in namespaces of the tests' own."""
    return os.environ.get(INSIDE) == _network()


def enter() -> None:
    """Enter them; from inside, a network that is this process's alone.

    It needs root on Linux; for anybody else nothing happens, and no engine can be started. To be called before any
    thread is started: a thread keeps the network that it was started in.

    Raises:
        OSError: root may not do it here, as in a container without ``CAP_SYS_ADMIN``.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments):
            code = ctypes.get_errno()
            raise OSError(code, f"{name}: {os.strerror(code)}")

    if not inside():
        call("unshare", CLONE_NEWNS)
        call("mount", None, b"/", None, MS_REC | MS_SLAVE, None)
        call("mount", b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755")
        OUTSIDE.touch()
        call("mount", b"/proc/self/ns/net", os.fsencode(OUTSIDE), None, MS_BIND, None)
    call("unshare", CLONE_NEWNET)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
    os.environ[INSIDE] = _network()


def outside() -> tuple[str, ...]:
    """The words before a command that needs this machine's own network, as an installation from a registry does."""
    return ("nsenter", f"--net={OUTSIDE}", "--") if inside() else ()


def _network() -> str:
    return str(Path("/proc/self/ns/net").readlink()) if sys.platform == "linux" else ""
