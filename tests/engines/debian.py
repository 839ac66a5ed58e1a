"""System packages: which are missing, and installing them where that is ours to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

# Debian leaves the sbin folders out of an ordinary user's PATH, and has CNI's plugins in a folder of their own.
_ELSEWHERE = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib/cni")


def missing(programs: Mapping[str, str]) -> list[str]:
    """The packages to install, of a map from program to the Debian package that has it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ELSEWHERE])
    return sorted({package for program, package in programs.items() if not shutil.which(program, path=path)})


def why_not(programs: Mapping[str, str]) -> str:
    """The reason why these programs cannot be used; empty when they can."""
    packages = missing(programs)
    return f"not installed: {' '.join(packages)}; as root on Debian, `make test` installs them" if packages else ""


def may_install() -> bool:
    """Whether this is a machine of Debian's kind and we are its root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str]) -> None:
    """Install packages, saying so in one line.

    Raises:
        subprocess.CalledProcessError: apt-get failed; it has said why.
    """
    print(f"installing system packages: {' '.join(packages)}", flush=True)
    quiet = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    # A package's own service must not start, by whichever init: tests run engines of their own.
    held_back = {"RUNLEVEL": "1", "SYSTEMD_OFFLINE": "1"}
    environment = {**os.environ, **held_back, "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NOWARNINGS": "yes"}
    subprocess.run([*quiet, "update"], env=environment, check=True)
    subprocess.run(
        [*quiet, "install", "--yes", "--no-install-recommends", *packages],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
