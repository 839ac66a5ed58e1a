"""ssh to a virtual machine of Colima: its own command, and the connection that Lima keeps open."""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections.abc import Sequence
from pathlib import Path

from dvm_runtimes.engines.nerdctl.remote import Connection
from dvm_runtimes.engines.nerdctl.transport import TransportError

from .files import DEFAULT

SESSIONS = 8
"""Calls at once on Lima's connection: sshd accepts ten, and the shared folders and Lima itself use some."""


class ColimaSsh(Connection):
    """``colima ssh``, which always works: arguments arrive unchanged, and Lima reconnects if need be.

    Args:
        program: Colima's command.
        profile: its profile.
    """

    def __init__(self, program: str, profile: str) -> None:
        self._program = program
        self._profile = profile

    def argv(self, command: Sequence[str], *, terminal: bool) -> list[str]:
        # The program gets a terminal exactly if it has one here.
        return [self._program, "--profile", self._profile, "ssh", "--", *command]


class LimaConnection(Connection):
    """The ssh connection that Lima keeps open: the same commands in a quarter to half of the time.

    Args:
        folder: of the Lima instance; its ``ssh.config`` is read by each call, since the port changes with every start.
    """

    def __init__(self, folder: Path) -> None:
        self._config = folder / "ssh.config"
        self._control = folder / "ssh.sock"
        self._free = threading.BoundedSemaphore(SESSIONS)

    def argv(self, command: Sequence[str], *, terminal: bool) -> list[str]:
        # Without its socket there is no open connection, and nothing to gain.
        if not self._config.is_file() or not self._control.exists():
            raise TransportError("Lima keeps no connection")
        if not self._free.acquire(blocking=False):
            raise TransportError("Lima's connection is busy")
        return [
            *("ssh", "-F", os.fspath(self._config), "-o", "BatchMode=yes", "-o", "ControlMaster=no"),
            *("-tt" if terminal else "-T", self._host(), "--"),
            # ssh joins its arguments with blanks, and a shell there parses them again.
            shlex.join(command),
        ]

    def _host(self) -> str:
        try:
            found = re.search(r"(?m)^Host (\S+)", self._config.read_text(encoding="utf-8"))
        except OSError:
            found = None
        return found[1] if found else f"lima-{self._config.parent.name}"

    def release(self) -> None:
        self._free.release()


def instance(profile: str) -> str:
    """Lima's name for a profile.

    >>> instance("default"), instance("work")
    ('colima', 'colima-work')
    """
    return "colima" if profile == DEFAULT else f"colima-{profile}"
