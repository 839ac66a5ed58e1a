"""A build context as a tar stream: the files that ``.dockerignore`` leaves in, and the Dockerfile, wherever it lies."""

from __future__ import annotations

import io
import os
import secrets
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.builds.dockerignore import Ignore
from dvm_runtimes.errors import LocalFileError
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.workspaces.archive import pack_one

IGNORE_FILE = ".dockerignore"
_UNREADABLE = "Make it readable, or leave it out of the build with .dockerignore."


@dataclass(frozen=True, slots=True)
class Sources:
    """The folder and the Dockerfile of a build.

    Attributes:
        folder: the context.
        dockerfile: the Dockerfile, wherever it lies.
    """

    folder: Path
    dockerfile: Path

    @classmethod
    def of(cls, options: BuildOptions) -> Sources:
        """The sources that the options name.

        A relative path of a Dockerfile is looked for below the context, then
        below the working folder; a missing one is the path below the context.
        """
        folder = Path(options.build_context or options.app_path or "")
        named = Path(options.dockerfile or "Dockerfile")
        inside = folder / named
        return cls(folder, named if named.is_file() and not inside.is_file() else inside)

    @property
    def inside(self) -> str:
        """The Dockerfile's path within the context; empty when it lies outside."""
        real, root = self.dockerfile.resolve(), self.folder.resolve()
        return real.relative_to(root).as_posix() if real.is_relative_to(root) else ""

    @property
    def text(self) -> str:
        """The Dockerfile's content.

        Raises:
            LocalFileError: it cannot be read.
        """
        with LocalFileError.explaining("read", self.dockerfile):
            return self.dockerfile.read_text(encoding="utf-8", errors="replace")

    @property
    def ignore_file(self) -> Path:
        """``<Dockerfile>.dockerignore`` beside the Dockerfile, else the context's own; it may not exist."""
        own = self.dockerfile.with_name(f"{self.dockerfile.name}{IGNORE_FILE}")
        return own if own.is_file() else self.folder / IGNORE_FILE

    def ignore(self) -> Ignore:
        """The rules that leave files out of the context."""
        return Ignore.of(self.ignore_file)


def outside_name() -> str:
    """A name for a Dockerfile that is added to the context; the builder never copies it into the image."""
    return f".dockerfile.{secrets.token_hex(10)}"


def pack_context(sources: Sources, dockerfile: str) -> Iterator[bytes]:
    """The context as a tar stream, never more than a piece in memory.

    Args:
        sources: the folder and the Dockerfile.
        dockerfile: what the Dockerfile is called in it.

    Raises:
        LocalFileError: a file cannot be read, or became shorter meanwhile.
    """
    links: dict[tuple[int, int], str] = {}
    # The builder needs both, whatever the rules say, and leaves them out of COPY itself.
    always = {IGNORE_FILE, sources.inside}
    own_rules = sources.ignore_file != sources.folder / IGNORE_FILE
    with LocalFileError.explaining("read", sources.folder, _UNREADABLE):
        rules = sources.ignore()
        for path, name in _walk(sources.folder, "", rules, always):
            if own_rules and name == IGNORE_FILE:
                continue  # Podman's builder would apply it as well
            status = path.lstat()
            if not stat.S_ISSOCK(status.st_mode):
                yield from pack_one(path, name, status, links, owner=(0, 0))
        if dockerfile != sources.inside:
            yield _member(dockerfile, sources.dockerfile.read_bytes())
        if own_rules:
            yield _member(IGNORE_FILE, sources.ignore_file.read_bytes())
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    buffer.write(member.tobuf(tarfile.PAX_FORMAT))
    buffer.write(content)
    buffer.write(bytes(-len(content) % tarfile.BLOCKSIZE))
    return buffer.getvalue()


def _walk(folder: Path, prefix: str, rules: Ignore, always: set[str]) -> Iterator[tuple[Path, str]]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = f"{prefix}{entry.name}"
        path = Path(entry.path)
        is_folder = entry.is_dir(follow_symlinks=False)
        left_out = rules.leaves_out(name) and name not in always
        if not left_out:
            yield path, name
        needed = any(one.startswith(f"{name}/") for one in always)
        # Most projects leave out their largest folders, which need not be walked then.
        if is_folder and (not left_out or rules.has_exceptions or needed):
            yield from _walk(path, f"{name}/", rules, always)
