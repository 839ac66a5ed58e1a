"""What a build needs of this machine, on its way to an engine that does not see it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.errors import InvalidOptionError, UnsupportedError
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.workspaces.archive import pack

from .profile import HostPath

_END = 1024
"""Bytes: the two empty blocks that end a tar."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Files for a folder where nerdctl runs, and the paths they have from there.

    Attributes:
        members: each path from that folder, and the file or folder of this machine.
        dockerfile, context: paths for nerdctl, from that folder.
        secrets: each secret's ID and its path.
    """

    members: Mapping[str, Path]
    dockerfile: str
    context: str
    secrets: Mapping[str, str]

    def tar(self) -> Iterator[bytes]:
        """The files as one tar stream."""
        for name, path in self.members.items():
            pieces = pack(path, name)
            last = next(pieces)
            for piece in pieces:
                yield last
                last = piece
        yield bytes(_END)


def ship(options: BuildOptions, context: Path, dockerfile: Path, see: HostPath) -> Shipment:
    """What to send: the context only where the engine's machine does not see it already.

    Raises:
        UnsupportedError: agents for SSH mounts, which cannot be sent.
    """
    if options.ssh:
        raise UnsupportedError(
            "an SSH agent of this machine cannot be used by builds in the virtual machine",
            hint="Build on another runtime, or use a build secret.",
            operation="build_image",
        )
    members: dict[str, Path] = {"Dockerfile": dockerfile}
    ignore = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if ignore.is_file():
        members["Dockerfile.dockerignore"] = ignore
    secrets = {}
    for number, (key, path) in zip(itertools.count(), options.secrets.items(), strict=False):
        secrets[key] = f"secret-{number}"
        members[f"secret-{number}"] = Path(os.path.realpath(path))
    try:
        place = see(context, "build_context")
    except InvalidOptionError:
        place = "context"
        members["context"] = context
    return Shipment(members, "Dockerfile", place, secrets)
