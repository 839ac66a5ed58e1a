"""`host_id`: tells this machine and user from others that share an engine."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
from pathlib import Path

from dvm_runtimes.errors import DvmError

from .folders import state_folder

_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
"""Files in containers, whose machine ID may be that of their image."""


@functools.cache
def host_id() -> str:
    """16 hexadecimal digits for this machine and user.

    A hash, because the machine ID is confidential (machine-id(5)). A machine without one gets a random one, which is
    kept in the user's state folder.
    """
    machine = _machine_id() or _kept_id() or socket.gethostname()
    if any(Path(mark).exists() for mark in _CONTAINER_MARKS):
        machine += f" {socket.gethostname()}"
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    import hashlib  # slow to load

    return hashlib.sha256(f"dvm {machine} {user}".encode(errors="replace")).hexdigest()[:16]


def _machine_id() -> str:
    if sys.platform == "darwin":
        return _sysctl("kern.uuid")
    for file in _FILES:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = Path(file).read_text(encoding="ascii").strip()
            if text and text != "uninitialized":
                return text
    return ""


def _sysctl(name: str) -> str:
    import ctypes

    library = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(buffer))
    if library.sysctlbyname(name.encode(), buffer, ctypes.byref(size), None, 0):
        return ""
    return buffer.value.decode(errors="replace")


def _kept_id() -> str:
    try:
        file = state_folder() / "host-id"
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = file.with_name(f".host-id.{os.urandom(4).hex()}")
            new.write_text(os.urandom(16).hex())
            try:
                # Unlike a rename, a link fails where another process was first.
                os.link(new, file)
            except FileExistsError:
                pass
            finally:
                new.unlink()
        return file.read_text().strip()
    except (OSError, DvmError):
        return ""
