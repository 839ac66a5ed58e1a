"""The programs that tests run besides engines, each with the Debian package that has it."""

from __future__ import annotations

import shutil
import subprocess
from typing import NoReturn

import pytest

from .fixtures import REQUIRED

PROGRAMS = {
    "docker-registry": "docker-registry",
    "emacs": "emacs-nox",
    "nvim": "neovim",
    "ssh": "openssh-client",
    "tmux": "tmux",
}


EMACS_LIBRARIES = {"eglot": "elpa-eglot"}
"""Emacs has them itself in some versions (Eglot from 29 on), and where it has, there need not be such a package."""

_LIMIT = 60.0


def missing_libraries() -> dict[str, str]:
    """Those of `EMACS_LIBRARIES` that this machine's Emacs does not find; none where there is no Emacs."""
    emacs = shutil.which("emacs")
    return {name: package for name, package in EMACS_LIBRARIES.items() if emacs and not _finds(emacs, name)}


def _finds(emacs: str, library: str) -> bool:
    command = [emacs, "--batch", "--eval", f"(require '{library})"]
    return subprocess.run(command, capture_output=True, timeout=_LIMIT, check=False).returncode == 0


def need(program: str) -> str:
    """The path of one of `PROGRAMS`; without it the test is skipped, or fails where everything is required."""
    found = shutil.which(program)
    if found is None:
        _refuse(program, PROGRAMS[program])
    return found


def need_library(name: str) -> None:
    """As `need`, for one of `EMACS_LIBRARIES`."""
    if package := missing_libraries().get(name):
        _refuse(name, package)


def _refuse(what: str, package: str) -> NoReturn:
    reason = f"{what} is not installed (Debian: {package}); as root on Debian, `make test` installs it"
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
