"""Files into a workspace and out of it, as ``cp -a`` does it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from dvm_runtimes.engines.base import Engine
from dvm_runtimes.errors import EngineError, InvalidOptionError, LocalFileError
from dvm_runtimes.operation import Operation
from dvm_runtimes.validation.text import is_text

from .archive import pack, unpack


def copy_to(engine: Engine, op: Operation, container: str, source: str | os.PathLike[str], destination: str) -> None:
    """Copy ``source`` of this machine to ``destination`` inside.

    Raises:
        InvalidOptionError: there is no such source, or the destination is no absolute path.
        LocalFileError: the source cannot be read.
        EngineError: the destination's folder is not there.
    """
    _check_inside("destination", destination)
    text = os.fspath(source)
    # As with cp, "folder/." means what is in it.
    content_only = text.endswith(("/.", "/./"))
    path = Path(text)
    if not os.path.lexists(path):
        raise InvalidOptionError("source", text, "there is no such file or folder")
    kind = engine.path_kind(op, container, destination)
    if content_only:
        with LocalFileError.explaining("read", path):
            is_folder = path.is_dir()
        if kind not in ("folder", None) or not is_folder:
            raise InvalidOptionError("destination", destination, "the content of a folder fits only into a folder")
        folder, name = (destination, ".") if kind else (posixpath.dirname(destination.rstrip("/")), _base(destination))
    elif kind == "folder":
        folder, name = destination, Path(os.path.abspath(path)).name
    else:
        if destination.endswith("/"):
            raise EngineError(
                f"there is no folder {destination!r} in the workspace",
                hint="Make it first, or leave out the slash at the end.",
                platform=engine.platform_name,
                operation=op.name,
            )
        folder, name = posixpath.dirname(destination) or "/", _base(destination)
    engine.put_archive(op, container, folder or "/", _checked(op, pack(path, name)))


def copy_from(engine: Engine, op: Operation, container: str, source: str, destination: str | os.PathLike[str]) -> Path:
    """Copy ``source`` inside to ``destination`` on this machine; where it is now.

    Raises:
        InvalidOptionError: the destination's folder is not there, or the source is no absolute path.
        LocalFileError: the destination cannot be written.
        EngineError: there is nothing at ``source``.
    """
    _check_inside("source", source)
    target = Path(destination)
    content_only = source.endswith("/.")
    with LocalFileError.explaining("write", target):
        is_folder, fits = target.is_dir(), target.parent.is_dir()
    if is_folder and not content_only:
        target = target / _base(source)
    elif not fits:
        raise InvalidOptionError(
            "destination", os.fspath(destination), "there is no such folder", hint="Make it first."
        )
    unpack(_checked(op, engine.get_archive(op, container, source)), target)
    return target


def _check_inside(field: str, path: str) -> None:
    if not is_text(path) or not path.startswith("/"):
        raise InvalidOptionError(field, path, "must be an absolute path in the workspace")


def _base(path: str) -> str:
    return posixpath.basename(posixpath.normpath(path))


def _checked(op: Operation, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        op.check()
        yield piece
