"""`Machine`: the environment, user and file system that discovery searches."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dvm_runtimes.user.home import home_folder


class Machine(NamedTuple):
    """The machine that is searched: this one, or one in a folder for tests.

    Attributes:
        env: environment variables.
        home: the home folder; ``/`` if there is none.
        uid: the user's number; -1 on Windows.
        system: ``"linux"``, ``"darwin"`` or ``"windows"``.
        root: the folder that stands for ``/``.
    """

    env: Mapping[str, str] = MappingProxyType({})
    home: Path = Path("/")
    uid: int = -1
    system: str = "linux"
    root: Path = Path("/")

    @classmethod
    def this(cls) -> Machine:
        """The machine that this process runs on."""
        system = {"darwin": "darwin", "win32": "windows"}.get(sys.platform, "linux")
        uid = os.getuid() if hasattr(os, "getuid") else -1
        return cls(env=dict(os.environ), home=home_folder(), uid=uid, system=system)

    def path(self, absolute: str) -> Path:
        """An absolute path of this machine: ``/var/run/docker.sock`` below `root`."""
        return self.root / absolute.lstrip("/")


def exists(path: Path) -> bool:
    """Whether there is a file or folder; False if this user may not look."""
    try:
        return path.exists()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False if this user may not look."""
    try:
        return path.is_dir()
    except OSError:
        return False


def matches(folder: Path, pattern: str) -> list[Path]:
    """The paths below ``folder`` that match ``pattern``, sorted; empty if this user may not look."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
