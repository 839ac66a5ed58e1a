"""What is known of a machine before anything on it is looked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dvm_runtimes.user.home import home_folder


class Machine(NamedTuple):
    """The machine that is searched: the real one, or a made-up one in tests.

    Attributes:
        env: environment variables.
        home: the home folder; ``/`` if there is none.
        uid: the user's number; -1 where there is none.
        system: ``"linux"``, ``"darwin"`` or ``"windows"``.
        root: what stands for ``/``, so that tests can have a machine in a folder.
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
