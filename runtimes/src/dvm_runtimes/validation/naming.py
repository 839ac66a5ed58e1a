"""Names and labels: how a workspace is called and how it is recognised.

Identity is written to and read from labels, never parsed from names: names
join their parts with hyphens, which the parts may contain themselves.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from dvm_runtimes.errors import InvalidOptionError

from .text import is_text

PREFIX = "io.devopsmaestro."
MANAGED = PREFIX + "managed"
APP = PREFIX + "app"
WORKSPACE = PREFIX + "workspace"
ECOSYSTEM = PREFIX + "ecosystem"
DOMAIN = PREFIX + "domain"
SYSTEM = PREFIX + "system"
FOLDER = PREFIX + "folder"
"""The real path of the folder whose workspace it is."""
HOST = PREFIX + "host"
"""The machine and user whose folder that is; see `dvm_runtimes.user.host_id`."""
IMAGE = PREFIX + "image"
SPEC = PREFIX + "spec"
OWNER = PREFIX + "owner"
EXPIRES = PREFIX + "expires"
BUILT = PREFIX + "built"
"""On images alone. `MANAGED` is never on an image: whatever somebody else runs from it would inherit the mark."""

# The longest name that serves as a DNS label, so that workspaces on one
# network reach each other by it.
_LONGEST = 63
_CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_NETWORK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
# The grammar of github.com/distribution/reference, without its length rule for digests.
_IMAGE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


class Identity(NamedTuple):
    """Which workspace a container is: the parts that its labels carry.

    Attributes:
        app, workspace, ecosystem, domain, system: what people call it.
        folder: the real path of the folder whose workspace it is; empty for one that is only named.
        host: the machine and user of that folder.
    """

    app: str = ""
    workspace: str = ""
    ecosystem: str = ""
    domain: str = ""
    system: str = ""
    folder: str = ""
    host: str = ""

    def labels(self) -> dict[str, str]:
        """The labels that carry this identity, with the managed mark."""
        found = {MANAGED: "true", APP: self.app, WORKSPACE: self.workspace}
        optional = {
            ECOSYSTEM: self.ecosystem,
            DOMAIN: self.domain,
            SYSTEM: self.system,
            FOLDER: self.folder,
            HOST: self.host,
        }
        return found | {key: value for key, value in optional.items() if value}

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Identity:
        """The identity that a container's labels carry; missing parts are empty."""
        return cls(*(labels.get(key, "") for key in (APP, WORKSPACE, ECOSYSTEM, DOMAIN, SYSTEM, FOLDER, HOST)))

    def is_same(self, other: Identity) -> bool:
        """Whether both are the same workspace: of one folder of one host, or without a folder and of the same names."""
        if self.folder or other.folder:
            return (self.folder, self.host) == (other.folder, other.host)
        return self == other

    def container_name(self) -> str:
        """The name that its container gets.

        That of a folder's workspace has the folder's name and a hash of its path and host. Otherwise it is
        ``dvm-{ecosystem}-{domain}-{system}-{app}-{workspace}``, each part as a `slug`, empty ones left out, with a
        hash where that does not hold all of them.

        >>> Identity(app="Shop", workspace="dev").container_name()
        'dvm-shop-dev'
        """
        if self.folder:
            return _join([posixpath.basename(self.folder) or "workspace"], f"{self.host}\0{self.folder}")
        parts = [part for part in (self.ecosystem, self.domain, self.system, self.app, self.workspace) if part]
        whole = "-".join(["dvm", *map(slug, parts)])
        if len(whole) <= _LONGEST and all(part.isascii() and slug(part) for part in parts):
            return whole
        return _join(parts, "\0".join(self))


def _join(parts: list[str], whole: str) -> str:
    import hashlib  # slow to load

    digest = hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()[:8]
    start = "-".join(["dvm", *filter(None, map(slug, parts))])[: _LONGEST - len(digest) - 1]
    return f"{start.rstrip('-._')}-{digest}"


def slug(text: str) -> str:
    """``text`` as a part of names that every engine takes, of containers, images, networks and volumes; may be empty.

    Lower-case ASCII letters and digits, and separators as image names may have them. Accents are dropped.

    >>> slug("My Shop_(v2)"), slug("Café"), slug("日本")
    ('my-shop-v2', 'cafe', '')
    """
    import unicodedata  # slow to load

    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", _separator, ascii_text).strip("-._")


def _separator(found: re.Match[str]) -> str:
    return found[0] if re.fullmatch(r"[._]|__|-+", found[0]) else "-"


def is_managed(labels: Mapping[str, str]) -> bool:
    """Whether a container with these labels is ours to touch."""
    return labels.get(MANAGED) == "true"


def check_container_name(value: str, field: str = "container_name") -> str:
    """``value`` if every engine takes it as a container's name.

    Raises:
        InvalidOptionError: it is not made of letters, digits, ``_``, ``.`` and ``-``.
    """
    if not _CONTAINER_NAME.fullmatch(value):
        raise InvalidOptionError(
            field, value, "start with a letter or digit, then at most 127 letters, digits, '_', '.' or '-'"
        )
    return value


def check_part(value: str, field: str) -> str:
    """``value`` if it can be part of an identity: one line of at most 128 characters, not only blanks."""
    if value and not value.strip():
        raise InvalidOptionError(field, value, "must not be blank")
    if len(value) > 128 or any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise InvalidOptionError(field, value, "must be one line of at most 128 characters")
    return value


def check_network_mode(value: str, field: str = "network_mode") -> str:
    """``value`` if it is empty (the engine's default), bridge, none, host or a network's name."""
    if value and not _NETWORK.fullmatch(value):
        raise InvalidOptionError(field, value, 'use "bridge", "none", "host" or the name of a network')
    return value


def check_image(value: str, field: str = "image_name") -> str:
    """``value`` if it is an image reference or an image ID."""
    if not value or not value.strip():
        raise InvalidOptionError(field, value, 'an image name is needed, such as "debian:12"')
    if not (_IMAGE_ID.fullmatch(value) or (len(value) <= 512 and _IMAGE.fullmatch(value))):
        raise InvalidOptionError(field, value, 'not an image name; write it as "name:tag", in lower case')
    return value


def check_labels(labels: Mapping[str, str], field: str = "labels") -> None:
    """Refuse label keys that are ours, empty, or of more than one line.

    Raises:
        InvalidOptionError: naming the key.
    """
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise InvalidOptionError(field, key, "keys and values must be strings")
        if key.startswith(PREFIX):
            raise InvalidOptionError(field, key, f"the prefix {PREFIX!r} is DVM's own")
        if not key or len(key) > 253 or not key.isprintable() or "=" in key or key != key.strip():
            raise InvalidOptionError(field, key, "a label's key is one printable word without '='")
        if not is_text(value):
            raise InvalidOptionError(field, key, "its value holds NUL, or is no valid Unicode")
