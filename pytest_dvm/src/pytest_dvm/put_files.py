"""Puts content into a workspace: text, bytes, and files and folders of this machine."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dvm_runtimes.errors import EngineError

if TYPE_CHECKING:
    from .workspace import Workspace

SCRIPT = 0o755
PLAIN = 0o644


def place_files(workspace: Workspace, files: Mapping[str, bytes | Path]) -> None:
    """Put each of ``files`` at its path inside; folders that are missing are made.

    What begins with ``#!`` may be executed.

    Raises:
        EngineError: a folder that cannot be made.
        InvalidOptionError: a file of this machine that is not there.
    """
    with tempfile.TemporaryDirectory(prefix="dvm-files-") as folder:
        for number, (place, content) in enumerate(files.items()):
            if isinstance(content, Path):
                source = content
            else:
                source = Path(folder, str(number))
                source.write_bytes(content)
                source.chmod(SCRIPT if content.startswith(b"#!") else PLAIN)
            try:
                workspace.copy_to(source, place)
            except EngineError:
                if not _make_folder(workspace, posixpath.dirname(place)):
                    raise
                workspace.copy_to(source, place)


def _make_folder(workspace: Workspace, path: str) -> bool:
    """Make a folder: the workspace user's, or root's where that user may not make it."""
    return any(workspace.exec(["mkdir", "-p", path], uid=uid).exit_code == 0 for uid in (None, 0))
