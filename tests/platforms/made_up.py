"""A machine in a folder, for detection to search."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from dvm_runtimes.discovery.detection import detect_platforms
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.infos import Platform

from .listeners import Full, Hanging, LiveEngine, Script, plain_file, stale

Listener = TypeVar("Listener")

OURS = ("orbstack", "colima", "docker", "podman")
PATIENT = 20.0
"""Seconds; answers come at once, so only a test that fails waits for so long."""
PLACES = (
    "~/.orbstack/run/docker.sock",
    "~/.colima/default/docker.sock",
    "~/.colima/work/docker.sock",
    "~/.docker/desktop/docker.sock",
    "/var/run/docker.sock",
    "/run/user/1234/docker.sock",
    "~/.rd/docker.sock",
    "~/.lima/a/sock/docker.sock",
    "/run/podman/podman.sock",
    "/run/user/1234/podman/podman.sock",
)
"""Where products put their sockets, each of them looked at when an engine is looked for."""


class MadeUp:
    """A machine of which a test puts together what it needs.

    Attributes:
        root: what stands for ``/``.
        home: the user's folder.
    """

    def __init__(self, uid: int = 1234, system: str = "linux") -> None:
        # Not pytest's folder: the path of a Unix socket has at most 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="m-", dir="/tmp"))
        self.home = self.root / "home/ada"
        self.home.mkdir(parents=True)
        self.uid = uid
        self.system = system
        self.env: dict[str, str] = {}
        self._open: list[Any] = []

    @property
    def machine(self) -> Machine:
        return Machine(env=dict(self.env), home=self.home, uid=self.uid, system=self.system, root=self.root)

    def path(self, name: str) -> Path:
        """``~/x`` in the home folder, ``/x`` below the root."""
        return self.home / name[2:] if name.startswith("~/") else self.root / name.lstrip("/")

    def live(self, name: str, **options: Any) -> LiveEngine:
        return self._keep(LiveEngine(self.path(name), **options))

    def hanging(self, name: str) -> Hanging:
        return self._keep(Hanging(self.path(name)))

    def full(self, name: str) -> Full:
        return self._keep(Full(self.path(name)))

    def says(self, name: str, data: bytes) -> Script:
        return self._keep(Script(self.path(name), data))

    def stale(self, name: str) -> None:
        stale(self.path(name))

    def plain_file(self, name: str) -> None:
        plain_file(self.path(name))

    def write(self, name: str, text: str) -> Path:
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def folder(self, name: str) -> Path:
        folder = self.path(name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def link(self, name: str, target: str) -> None:
        link = self.path(name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(self.path(target))

    def platforms(self, timeout: float = PATIENT) -> list[Platform]:
        """What detection finds, without those that are not the subject here."""
        return [one for one in detect_platforms(self.machine, timeout=timeout) if one.type in OURS]

    def found(self) -> list[str]:
        """Their selectors, in the order of ``auto``; those that do not answer in brackets."""
        return [one.selector if one.reachable else f"({one.selector})" for one in self.platforms()]

    def _keep(self, one: Listener) -> Listener:
        self._open.append(one)
        return one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for one in self._open:
            one.close()
        shutil.rmtree(self.root)
