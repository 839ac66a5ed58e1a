"""Private folders for sockets; what a killed server has left is removed by the next one."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from dvm_runtimes.cleanup.ownership import current_owner, is_dead

_PREFIX = "dvm-terminal-"
_OWNER = "owner"
_made: set[Path] = set()


def make_folder() -> Path:
    """A new folder that only this user can enter; removed by `remove_folder` or at the end of the server."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _made.add(folder)
    (folder / _OWNER).write_text(current_owner(), encoding="ascii")
    return folder


def remove_folder(folder: Path) -> None:
    """Remove a folder of `make_folder`; no error if it does not exist."""
    shutil.rmtree(folder, ignore_errors=True)
    _made.discard(folder)


@atexit.register
def _remove_all() -> None:
    for folder in list(_made):
        remove_folder(folder)


def _sweep() -> None:
    """Remove the folders of this user's servers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            ours = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            owner = (folder / _OWNER).read_text(encoding="ascii") if ours else ""
        except (OSError, ValueError):
            continue  # another server is creating or removing it
        if is_dead(owner):
            shutil.rmtree(folder, ignore_errors=True)
