"""`FolderIdentity`: which workspace belongs to a folder, for every front end.

A folder's workspace is the one whose labels hold the folder's real path and this host. Names are for people: two
folders may have the same, and the names that the engine needs (container, image) have a hash that tells them apart.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.user.host_id import host_id
from dvm_runtimes.validation.naming import FOLDER, HOST, Identity, slug
from dvm_runtimes.validation.text import is_text

_LONGEST_NAME = 59


@dataclass(frozen=True, slots=True)
class FolderIdentity:
    """A folder of this host.

    Attributes:
        path: its real path; bytes that are not UTF-8 are written as ``\\\\xff``.
        host: see `host_id`.

    >>> FolderIdentity("/home/ada/My Shop", "1f2e3d4c5b6a7988").workspace_name
    'my-shop'
    >>> FolderIdentity("/home/ada/My Shop", "1f2e3d4c5b6a7988").image_name
    'dvm-my-shop-bb4e47f9'
    """

    path: str
    host: str

    @classmethod
    def of(cls, folder: str | os.PathLike[str]) -> FolderIdentity:
        """The identity of a folder, which need not exist.

        Raises:
            InvalidOptionError: it is not an absolute path.
        """
        text = os.fspath(folder)
        if not isinstance(text, str) or "\0" in text or not Path(text).is_absolute():
            raise InvalidOptionError("folder", text, "must be an absolute path of this machine")
        path = os.path.realpath(text)
        return cls(path if is_text(path) else os.fsencode(path).decode(errors="backslashreplace"), host_id())

    @property
    def labels(self) -> dict[str, str]:
        """The labels that a workspace of this folder has, and no other."""
        return {FOLDER: self.path, HOST: self.host}

    def owns(self, labels: Mapping[str, str]) -> bool:
        """Whether a workspace with these labels is this folder's."""
        return labels.get(FOLDER) == self.path and labels.get(HOST) == self.host

    @property
    def workspace_name(self) -> str:
        """What people call the folder's workspace; other folders' may be called the same."""
        return slug(Path(self.path).name)[:_LONGEST_NAME].rstrip("-._") or "workspace"

    @property
    def image_name(self) -> str:
        """The image that is built from the folder; no other folder has it."""
        return Identity(workspace=self.workspace_name, folder=self.path, host=self.host).container_name()
