"""The images that BuildKit sees in its own containerd namespace, as the stand-in of nerdctl has it.

Docker has one store for all: the names of what was loaded into that namespace are kept in a file beside the engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tests.engines.stand_ins import nerdctl_client as client

NAMESPACE = "buildkit"
"""Where BuildKit works unless its settings name another one; Colima's do not."""

BUILDCTL = """\
#!/bin/sh
printf 'ID:\\t\\tabc\\nLabels:\\n\\torg.mobyproject.buildkit.worker.containerd.namespace:\\tbuildkit\\n'
"""
"""What ``buildctl debug workers -v`` says there."""


def _file() -> Path:
    return Path(os.path.dirname(client.socket), "buildkit-images")


def names() -> set[str]:
    """The images in that namespace."""
    return set(_file().read_text().split()) if _file().exists() else set()


def add(found: Iterable[str]) -> None:
    """Note what was loaded."""
    with _file().open("a") as file:
        file.writelines(f"{name}\n" for name in found)


def remove(gone: Iterable[str]) -> None:
    """Note what was removed."""
    left = names() - set(gone)
    _file().write_text("".join(f"{name}\n" for name in left))
