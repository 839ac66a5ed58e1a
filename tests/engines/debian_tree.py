"""Newer systems beside this machine's own: a Debian release in a folder, made once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from . import CACHE, enter

LIMIT = 900.0
"""Seconds for making one; it takes 40 on a machine with a near mirror."""


@dataclass(frozen=True)
class DebianTree:
    """A release with some packages, as in ``DebianTree("trixie", ("docker.io", "podman"))``."""

    suite: str
    packages: tuple[str, ...]
    _being_made: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @cached_property
    def path(self) -> Path:
        """Where it is, or will be: the name changes with its contents."""
        mark = hashlib.sha256(" ".join(self.packages).encode()).hexdigest()[:8]
        return CACHE / f"debian-{self.suite}-{mark}"

    def why_not(self) -> str:
        """The reason why it can't be used; empty when it can."""
        return "" if self.path.exists() else f"no Debian {self.suite} at {self.path}; `make test` puts it there"

    def make(self) -> None:
        """Make it, unless it is there; only root can. Its absence afterwards is `why_not`'s to tell."""
        with self._being_made:
            if not self.path.exists():
                self._make()

    def _make(self) -> None:
        print(f"making a Debian {self.suite} with {' '.join(self.packages)} in {self.path} (once)", flush=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        making = self.path.with_suffix(f".{os.getpid()}")
        log = self.path.with_suffix(".log")
        include = ",".join(self.packages)
        argv = ["debootstrap", "--variant=minbase", f"--include={include}", self.suite, str(making), *mirror()]
        with log.open("wb") as output:
            made = subprocess.run(argv, stdout=output, stderr=output, timeout=LIMIT, check=False)
        if made.returncode:
            end = log.read_text(errors="replace")[-1000:]
            print(f"no Debian {self.suite}: debootstrap ended with {made.returncode}:\n{end}", flush=True)
        else:
            shutil.rmtree(making / "var/cache/apt", ignore_errors=True)
            shutil.rmtree(making / "var/lib/apt/lists", ignore_errors=True)
            # Only a whole one gets the name; where two runs make it at once, the second finds it taken.
            if not self.path.exists():
                making.rename(self.path)
        if making.exists():
            shutil.rmtree(making, ignore_errors=True)

    def command(self, folder: Path, *argv: str) -> tuple[str, ...]:
        """The command that runs ``argv`` in it; what it writes to it goes to ``folder``."""
        python = (sys.executable, "-I", enter.__file__)
        return ("unshare", "--mount", "--propagation", "private", *python, str(folder), str(self.path), *argv)


def mirror() -> list[str]:
    """The address that this machine has its own packages from; empty if it can't be told."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Created-By: Packages"]
    found = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()
    return [address for address in found if "security" not in address][:1]


_ENGINES = ("ca-certificates", "docker.io", "iptables", "runc", "tini")
TRIXIE = DebianTree(
    "trixie",
    (*_ENGINES, "aardvark-dns", "conmon", "docker-buildx", "netavark", "podman", "python3-minimal"),
)
"""Docker 26.1 and Podman 5.4."""

SID = DebianTree("sid", _ENGINES)
"""Docker 28.5."""
