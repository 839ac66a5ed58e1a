"""Copy content into a workspace: text, bytes, files and folders."""

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


def put_files(workspace: Workspace, files: Mapping[str, bytes | Path]) -> None:
    """Copy each of ``files`` to its path inside, and create missing folders.

    Content that begins with ``#!`` is made executable.

    Raises:
        EngineError: a folder cannot be created.
        InvalidOptionError: a file of this machine does not exist.
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
