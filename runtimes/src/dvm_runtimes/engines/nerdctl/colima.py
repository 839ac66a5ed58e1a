"""The ways into a virtual machine of Colima: its own command, and the connection that Lima keeps."""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections.abc import Sequence
from pathlib import Path

from .remote import Way
from .transport import TransportError

SESSIONS = 8
"""At once on Lima's connection: sshd takes ten, of which the shared folders and Lima itself have some."""

DEFAULT = "default"


class ColimaSsh(Way):
    """``colima ssh``, which always works: the words arrive as they are, and Lima makes its connection anew.

    Args:
        program: Colima's command.
        profile: its profile.
    """

    def __init__(self, program: str, profile: str) -> None:
        self._program = program
        self._profile = profile

    def argv(self, words: Sequence[str], *, terminal: bool) -> list[str]:
        # A terminal is given exactly where there is one here.
        return [self._program, "--profile", self._profile, "ssh", "--", *words]


class LimaConnection(Way):
    """The ssh connection that Lima keeps open: the same commands in a quarter to a half of the time.

    Args:
        folder: of the Lima instance; its ``ssh.config`` is read by each call, since the port changes with every start.
    """

    def __init__(self, folder: Path) -> None:
        self._config = folder / "ssh.config"
        self._control = folder / "ssh.sock"
        self._free = threading.BoundedSemaphore(SESSIONS)

    def argv(self, words: Sequence[str], *, terminal: bool) -> list[str]:
        # Without its socket there is no connection that is kept, and nothing to gain.
        if not self._config.is_file() or not self._control.exists():
            raise TransportError("Lima keeps no connection")
        if not self._free.acquire(blocking=False):
            raise TransportError("Lima's connection is busy")
        return [
            *("ssh", "-F", os.fspath(self._config), "-o", "BatchMode=yes", "-o", "ControlMaster=no"),
            *("-tt" if terminal else "-T", self._host(), "--"),
            # ssh joins words with blanks, and a shell there takes them apart again.
            shlex.join(words),
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
    """The name that Lima has for a profile.

    >>> instance("default"), instance("work")
    ('colima', 'colima-work')
    """
    return "colima" if profile == DEFAULT else f"colima-{profile}"
