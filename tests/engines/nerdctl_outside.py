"""Somebody else at containerd, with a plain nerdctl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from dvm_runtimes.testing.subject import Outside

from . import base_image

LIMIT = 120.0


class NerdctlError(Exception):
    """nerdctl failed; the text is what it said."""


class NerdctlOutside(Outside):
    """A person with nerdctl, and nothing of DVM in between.

    Args:
        nerdctl: the program with its flags, in the namespace of the tests.
    """

    def __init__(self, nerdctl: Sequence[str]) -> None:
        self._nerdctl = tuple(nerdctl)

    def run(self, *words: str, stdin: bytes | None = None) -> str:
        """What a nerdctl command writes to its standard output.

        Raises:
            NerdctlError: it failed.
        """
        done = subprocess.run([*self._nerdctl, *words], input=stdin, capture_output=True, timeout=LIMIT, check=False)
        if done.returncode:
            raise NerdctlError(f"{' '.join(words)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def kill(self, container: str) -> None:
        self.run("kill", "--signal", "KILL", container)
        self.run("wait", container)

    def pause(self, container: str) -> None:
        self.run("pause", container)

    def unpause(self, container: str) -> None:
        self.run("unpause", container)

    def remove(self, container: str) -> None:
        self.run("rm", "--force", "--volumes", container)

    def exists(self, container: str) -> bool:
        return self._inspect(container) is not None

    def is_running(self, container: str) -> bool:
        found = self._inspect(container)
        return found is not None and bool(found["State"]["Running"])

    def create_foreign(self, name: str, image: str = "") -> str:
        words = ("run", "--detach", "--pull", "never", "--name", name, image or base_image.IMAGE, "sleep", "600")
        return self.run(*words).strip()

    def retag(self, source: str, name: str) -> None:
        self.run("tag", source, name)

    def create_unstarted(self, name: str, labels: Mapping[str, str]) -> str:
        flags = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        return self.run("create", "--pull", "never", "--name", name, *flags, base_image.IMAGE, "sleep", "600").strip()

    def volumes_of(self, container: str) -> list[str]:
        found = self._inspect(container)
        mounts = (found or {}).get("Mounts") or []
        return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]

    def volume_exists(self, name: str) -> bool:
        listed = self.run("volume", "ls", "--quiet").split()
        return name in listed

    def remove_volume(self, name: str) -> None:
        if self.volume_exists(name):
            self.run("volume", "rm", name)

    def everything(self) -> set[str]:
        """Every container, network, image and volume of it."""
        listings = (
            ("ps", "--all", "--quiet", "--no-trunc"),
            ("network", "ls", "--format", "{{.Name}}"),
            ("images", "--no-trunc", "--format", "{{.Name}}"),
            ("volume", "ls", "--quiet"),
        )
        # Its default network is nerdctl's own, made when it is first needed.
        return {name for words in listings for name in self.run(*words).split()} - {"bridge"}

    def _inspect(self, container: str) -> dict[str, Any] | None:
        try:
            found = json.loads(self.run("container", "inspect", container))
        except NerdctlError as error:
            if "no such" in str(error):
                return None
            raise
        return dict(found[0]) if found else None
