"""Names and labels: how a workspace is called and how it is recognised.

Identity is written to and read from labels, never parsed from names: names
join their parts with hyphens, which the parts may contain themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
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
    """Which workspace a container is: the parts that its labels carry."""

    app: str = ""
    workspace: str = ""
    ecosystem: str = ""
    domain: str = ""
    system: str = ""

    def labels(self) -> dict[str, str]:
        """The labels that carry this identity, with the managed mark."""
        found = {MANAGED: "true", APP: self.app, WORKSPACE: self.workspace}
        optional = {ECOSYSTEM: self.ecosystem, DOMAIN: self.domain, SYSTEM: self.system}
        return found | {key: value for key, value in optional.items() if value}

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Identity:
        """The identity that a container's labels carry; missing parts are empty."""
        return cls(*(labels.get(key, "") for key in (APP, WORKSPACE, ECOSYSTEM, DOMAIN, SYSTEM)))

    def container_name(self) -> str:
        """``dvm-{ecosystem}-{domain}-{system}-{app}-{workspace}``, empty parts left out, made safe.

        >>> Identity(app="Shop", workspace="dev").container_name()
        'dvm-shop-dev'
        """
        parts = (self.ecosystem, self.domain, self.system, self.app, self.workspace)
        safe = (re.sub(r"[^a-z0-9_.-]+", "-", part.strip().lower()).strip("-._") for part in parts)
        return "-".join(["dvm", *filter(None, safe)])[:_LONGEST].rstrip("-._")


def workspace_name_for(folder: str | os.PathLike[str]) -> str:
    """A workspace name for a project's folder: the folder's own name, made safe.

    >>> workspace_name_for("/home/ada/My Shop")
    'my-shop'
    """
    return (
        Identity(workspace=Path(folder).resolve().name).container_name().removeprefix("dvm").lstrip("-") or "workspace"
    )


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
