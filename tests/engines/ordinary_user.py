"""An ordinary user for a rootless engine, known to its keeper alone: the machine's own files stay as they are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .keeping import overlay

NAME = "dvmtest"
UID = 61234
FIRST_SUBORDINATE = 700_000_000
SUBORDINATES = 65536


@dataclass(frozen=True)
class User:
    """Somebody who may run containers without being root.

    Attributes:
        become: the start of a command that the user is to run.
        environment: what a login would have set.
    """

    name: str
    uid: int
    home: Path
    runtime_folder: Path

    @property
    def become(self) -> tuple[str, ...]:
        identity = (f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups")
        return ("setpriv", *identity, "--")

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.home),
            "USER": self.name,
            "LOGNAME": self.name,
            "XDG_RUNTIME_DIR": str(self.runtime_folder),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "DBUS_SESSION_BUS_ADDRESS": "",
        }

    def own(self, path: Path, mode: int = 0o755) -> Path:
        """Make a folder of the user's."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        os.chown(path, self.uid, self.uid)
        return path


def make(folder: Path) -> User:
    """A user with home, runtime folder and subordinate ids, in the engine's ``/etc``; its keeper overlays that."""
    folder.chmod(0o711)
    user = User(NAME, UID, folder / "home", folder / "user")
    user.own(user.home)
    user.own(user.runtime_folder, 0o700)
    etc = overlay(folder, "/etc")
    _append(etc, "passwd", f"{NAME}:x:{UID}:{UID}:a test's user:{user.home}:/bin/sh")
    _append(etc, "group", f"{NAME}:x:{UID}:")
    for file in ("subuid", "subgid"):
        (etc / file).write_text(f"{NAME}:{FIRST_SUBORDINATE}:{SUBORDINATES}\n")
    return user


def _append(etc: Path, file: str, line: str) -> None:
    (etc / file).write_text(f"{Path('/etc', file).read_text().rstrip()}\n{line}\n")
