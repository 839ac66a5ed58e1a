"""Files and folders as tar streams, and back: never more than a piece in memory.

Modes, times, links and, where the process may, owners are kept. What comes
out of a container is not trusted: no member leaves the folder it is put in.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from dvm_runtimes.errors import EngineError, LocalFileError

_PIECE = 1024 * 1024


def pack(source: Path, name: str) -> Iterator[bytes]:
    """A tar stream of ``source``, whose first member is called ``name`` (``"."`` for a folder's content alone).

    Sockets are left out, since no archive can carry them.

    Raises:
        LocalFileError: a file cannot be read, or became shorter meanwhile.
    """
    links: dict[tuple[int, int], str] = {}
    with LocalFileError.explaining("read", source):
        for path, arcname in _walk(source, name):
            status = path.lstat()
            if not stat.S_ISSOCK(status.st_mode):
                yield from pack_one(path, arcname, status, links)
    yield bytes(2 * tarfile.BLOCKSIZE)


def pack_one(
    path: Path,
    arcname: str,
    status: os.stat_result,
    links: dict[tuple[int, int], str],
    *,
    owner: tuple[int, int] | None = None,
) -> Iterator[bytes]:
    """One member of a tar stream, with its content.

    Args:
        path: the file or folder.
        arcname: what it is called in the archive.
        status: of ``path`` itself, not of what a link leads to.
        links: the files with several names so far; kept by the caller for the whole archive.
        owner: uid and gid in the archive; the file's own by default.
    """
    member = _member(path, arcname, status, links)
    if owner is not None:
        member.uid, member.gid = owner
    yield member.tobuf(tarfile.PAX_FORMAT)
    if member.isreg() and member.size:
        yield from _content(path, member.size)


def _walk(source: Path, name: str) -> Iterator[tuple[Path, str]]:
    yield source, name
    if source.is_dir() and not source.is_symlink():
        for child in sorted(source.iterdir()):
            yield from _walk(child, f"{name}/{child.name}")


def _member(path: Path, arcname: str, status: os.stat_result, links: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    member = tarfile.TarInfo(arcname)
    member.mode = stat.S_IMODE(status.st_mode)
    member.uid, member.gid = status.st_uid, status.st_gid
    member.mtime = status.st_mtime
    if stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        member.type = tarfile.SYMTYPE
        member.linkname = os.fspath(path.readlink())
    elif stat.S_ISFIFO(status.st_mode):
        member.type = tarfile.FIFOTYPE
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        member.type = tarfile.CHRTYPE if stat.S_ISCHR(status.st_mode) else tarfile.BLKTYPE
        member.devmajor, member.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    else:
        first = links.setdefault((status.st_ino, status.st_dev), arcname) if status.st_nlink > 1 else arcname
        if first != arcname:
            member.type = tarfile.LNKTYPE
            member.linkname = first
        else:
            member.size = status.st_size
    return member


def _content(path: Path, size: int) -> Iterator[bytes]:
    left = size
    with path.open("rb") as file:
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise LocalFileError(f"{path} became shorter while it was read", hint="Try again.")
            left -= len(piece)
            yield piece
    if padding := -size % tarfile.BLOCKSIZE:
        yield bytes(padding)


def unpack(pieces: Iterable[bytes], target: Path) -> None:
    """Write a tar stream so that its first member becomes ``target``.

    Raises:
        EngineError: not a tar stream, or a member that would leave ``target``.
        LocalFileError: ``target`` cannot be written.
    """
    with LocalFileError.explaining("write", target):
        _unpack(pieces, target)


def _unpack(pieces: Iterable[bytes], target: Path) -> None:
    folders: list[tuple[Path, tarfile.TarInfo]] = []
    top: PurePosixPath | None = None
    try:
        # A stream of exactly what was sent: a broken one must not pass for a short one.
        with tarfile.open(fileobj=PieceReader(pieces), mode="r|", errorlevel=2) as tar:  # type: ignore[call-overload]
            for member in tar:
                path = PurePosixPath(member.name)
                top = top or path
                place = _place(target, path, top)
                if member.isdir():
                    if place.is_symlink() and place != target:
                        place.unlink()  # or its mode and its files would go to where the link leads
                    # Writable until its files are in it.
                    place.mkdir(mode=0o700, exist_ok=True)
                    folders.append((place, member))
                else:
                    _extract(tar, member, place, target, top)
    except tarfile.TarError as error:
        raise EngineError(f"the engine sent a broken archive: {error}") from error
    for place, member in reversed(folders):
        _settle(place, member)


def _place(target: Path, path: PurePosixPath, top: PurePosixPath) -> Path:
    if path.is_absolute() or ".." in path.parts or not path.is_relative_to(top):
        raise EngineError(f"the archive has a member outside of its folder: {str(path)!r}")
    relative = path.relative_to(top)
    place = target / relative if relative.parts else target
    # A link that came before must not lead a later member out.
    if relative.parts and not Path(os.path.realpath(place.parent)).is_relative_to(os.path.realpath(target)):
        raise EngineError(f"the archive has a member that leaves its folder through a link: {str(path)!r}")
    return place


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path, target: Path, top: PurePosixPath) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not place.is_dir() or place.is_symlink():
            place.unlink()
    if member.issym():
        place.symlink_to(member.linkname)
    elif member.islnk():
        place.hardlink_to(_place(target, PurePosixPath(member.linkname), top))
        return
    elif member.isfifo():
        os.mkfifo(place)
    elif member.isreg():
        content = tar.extractfile(member)
        with place.open("xb") as file:
            while content is not None and (piece := content.read(_PIECE)):
                file.write(piece)
    else:
        return  # devices: of no use outside the container they belong to
    _settle(place, member)


def _settle(place: Path, member: tarfile.TarInfo) -> None:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.chown(place, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        place.chmod(member.mode & 0o7777)
        os.utime(place, (member.mtime, member.mtime))


class PieceReader:
    """Pieces of bytes as the file that `tarfile` reads."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer at the end only."""
        parts: list[memoryview] = []
        while size:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
                continue
            part, self._rest = self._rest[:size], self._rest[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
