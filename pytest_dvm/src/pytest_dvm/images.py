"""Build the images of tests, each content once per run."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .records import once

if TYPE_CHECKING:
    from dvm_runtimes.options import BuildOptions

    from .supply import Supply


def build_once(supply: Supply, options: BuildOptions) -> str:
    """Build an image unless a process of the run has done so; returns its name."""
    name = f"dvm-test-{supply.run.place.run}:{content_hash(options)}"
    ledger = supply.run.records.ledger_for(supply.runtime)
    named = dataclasses.replace(options, image_name=name)
    once(
        ledger,
        "image",
        name,
        ledger.engine(supply.runtime),
        lambda: supply.runtime.build_image(named, cancel=supply.run.cancel),
    )
    return name


def content_hash(options: BuildOptions) -> str:
    """What tells two builds apart: the options, and every file that the build can see."""
    context = Path(options.build_context or options.app_path or "")
    found = hashlib.sha256()
    settled = [
        options.target,
        options.platform,
        options.no_cache,
        sorted(options.build_args.items()),
        sorted((key, os.fspath(path)) for key, path in options.secrets.items()),
        os.fspath(options.dockerfile or ""),
    ]
    found.update(repr(settled).encode())
    for path in _files(context):
        status = path.lstat()
        found.update(f"{path.relative_to(context)}\0{stat.S_IMODE(status.st_mode):o}\0".encode())
        if path.is_symlink():
            found.update(os.fsencode(path.readlink()))
        elif path.is_file():
            found.update(hashlib.sha256(path.read_bytes()).digest())
    outside = Path(options.dockerfile) if options.dockerfile is not None else None
    if outside is not None and outside.is_file():
        found.update(outside.read_bytes())
    return found.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
