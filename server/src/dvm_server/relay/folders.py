"""The private folders that sockets are in, and that none of them outlives its server by more than the next one."""

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


def make() -> Path:
    """A new folder that only this user can enter; removed by `remove`, or when the server ends."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _made.add(folder)
    (folder / _OWNER).write_text(current_owner(), encoding="ascii")
    return folder


def remove(folder: Path) -> None:
    """Remove one that `make` has made; no error if it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    _made.discard(folder)


@atexit.register
def _remove_all() -> None:
    for folder in list(_made):
        remove(folder)


def _sweep() -> None:
    """Remove what this user's servers have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            ours = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            owner = (folder / _OWNER).read_text(encoding="ascii") if ours else ""
        except (OSError, ValueError):
            continue  # being made or removed by another server at this moment
        if is_dead(owner):
            shutil.rmtree(folder, ignore_errors=True)
