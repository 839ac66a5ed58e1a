"""The user's home folder, which may be missing: a container's user often has none."""

from __future__ import annotations

import os
from pathlib import Path

from dvm_runtimes.errors import InvalidOptionError

NO_HOME = Path("/")
"""Stands for a home folder that does not exist."""


def home_folder() -> Path:
    """The home folder of this process's user; `NO_HOME` if there is none, or if it may not be entered."""
    try:
        home = Path.home()
    except RuntimeError:
        return NO_HOME  # HOME is not set, and the user has no entry in /etc/passwd
    closed = home.is_absolute() and home.is_dir() and not os.access(home, os.X_OK)
    return NO_HOME if closed or not home.is_absolute() else home


def expand_home(path: str, field: str) -> Path:
    """Replace a leading ``~`` or ``~user`` by the home folder.

    Raises:
        InvalidOptionError: there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InvalidOptionError(field, path, "there is no such home folder") from None
