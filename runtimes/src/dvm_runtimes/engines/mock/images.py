"""Images of the mock: what is on the engine, what a registry would have, and their names."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dvm_runtimes.builds.dockerfile import HealthCheck
from dvm_runtimes.infos import ImageInfo

from .launching import program_file
from .nodes import MemoryFile, MemoryFolder
from .programs import NAMES

DEFAULT_IMAGE = "mock:latest"
"""The image that every engine of the mock has from the beginning."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")
_USERS = "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000:dev:/home/dev:/bin/sh\n"
_GROUPS = "root:x:0:\ndev:x:1000:\n"


@dataclass(frozen=True)
class Image:
    """An image: files and the configuration of what is made from it."""

    id: str
    root: MemoryFolder = field(repr=False)
    created: float
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_dir: str = ""
    volumes: tuple[str, ...] = ()
    health: HealthCheck | None = None

    def info(self, tags: Iterable[str]) -> ImageInfo:
        """This image as `ImageInfo`."""
        return ImageInfo(
            id=self.id,
            tags=tuple(sorted(tags)),
            size=_size(self.root),
            created=self.created,
            labels=dict(self.labels),
            entrypoint=self.entrypoint,
            command=self.command,
            env=tuple(f"{name}={value}" for name, value in self.env.items()),
            user=self.user,
            working_dir=self.working_dir,
        )


def _size(folder: MemoryFolder) -> int:
    total = 0
    for name in folder.names():
        node = folder.get(name)
        total += _size(node) if isinstance(node, MemoryFolder) else node.status().size if node else 0
    return total


def new_image_id() -> str:
    """An ID as engines have it."""
    return f"sha256:{secrets.token_hex(32)}"


def base_root() -> MemoryFolder:
    """The files of a small system: the mock's programs, users ``root`` and ``dev``, ``/tmp``."""
    root = MemoryFolder()
    folders = {name: MemoryFolder() for name in ("bin", "dev", "etc", "home", "proc", "run", "sys", "usr", "var")}
    folders |= {"root": MemoryFolder(0o700), "tmp": MemoryFolder(0o1777)}
    for name, folder in folders.items():
        root.put(name, folder)
    for name in NAMES:
        folders["bin"].put(name, program_file(name))
    folders["etc"].put("passwd", MemoryFile(_USERS.encode()))
    folders["etc"].put("group", MemoryFile(_GROUPS.encode()))
    folders["home"].put("dev", MemoryFolder(0o755, 1000, 1000))
    folders["var"].put("tmp", MemoryFolder(0o1777))
    return root


def base_image() -> Image:
    """A new small image with a shell."""
    return Image(new_image_id(), base_root(), time.time(), command=("sh",), env={"PATH": PATH})


def reference(name: str) -> str:
    """The full name that a short one stands for.

    >>> reference("debian")
    'docker.io/library/debian:latest'
    """
    first, slash, rest = name.partition("/")
    if not (slash and ("." in first or ":" in first or first == "localhost")):
        first, rest = "docker.io", name if slash else f"library/{name}"
    if ":" not in rest.rpartition("/")[2]:
        rest += ":latest"
    return f"{first}/{rest}"


def familiar(full: str) -> str:
    """The short name that stands for a full one.

    >>> familiar("docker.io/library/debian:latest")
    'debian:latest'
    """
    return full.removeprefix("docker.io/").removeprefix("library/") if full.startswith("docker.io/") else full


class ImageStore:
    """The images on one engine. Its owner holds the engine's lock."""

    def __init__(self) -> None:
        self.images: dict[str, Image] = {}
        self.names: dict[str, str] = {}
        self.pullable: dict[str, Image] = {}
        """Full name to what a registry would give."""
        image = base_image()
        self.add(image, [DEFAULT_IMAGE])
        self.pullable[reference(DEFAULT_IMAGE)] = image

    def add(self, image: Image, names: Iterable[str]) -> None:
        """Take an image in; its names are taken from whatever had them."""
        self.images[image.id] = image
        for name in names:
            self.names[reference(name)] = image.id

    def find(self, name: str) -> Image | None:
        """The image of that name, ID or unique ID prefix."""
        identifier = _ID.fullmatch(name)
        if identifier and len(identifier.group(1)) == 64:
            return self.images.get(f"sha256:{identifier.group(1)}")
        with contextlib.suppress(KeyError):
            return self.images[self.names[reference(name)]]
        if identifier:
            found = [image for key, image in self.images.items() if key.startswith(f"sha256:{identifier.group(1)}")]
            return found[0] if len(found) == 1 else None
        return None

    def tags(self, image: Image) -> list[str]:
        """The names of an image, as people write them."""
        return [familiar(full) for full, known in self.names.items() if known == image.id]

    def untag(self, full: str) -> None:
        """Take a name away; the image stays."""
        del self.names[full]

    def forget(self, image: Image) -> None:
        """Remove an image and all its names."""
        self.images.pop(image.id, None)
        self.names = {full: known for full, known in self.names.items() if known != image.id}
