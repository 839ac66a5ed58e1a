"""The programs that tests run besides engines, each with the Debian package that has it."""

from __future__ import annotations

import shutil

import pytest

from .fixtures import REQUIRED

PROGRAMS = {
    "docker-registry": "docker-registry",
    "emacs": "emacs-nox",
    "nvim": "neovim",
    "ssh": "openssh-client",
    "tmux": "tmux",
}


def need(program: str) -> str:
    """The path of one of `PROGRAMS`; without it the test is skipped, or fails where everything is required."""
    if found := shutil.which(program):
        return found
    reason = f"{program} is not installed (Debian: {PROGRAMS[program]}); as root on Debian, `make test` installs it"
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
