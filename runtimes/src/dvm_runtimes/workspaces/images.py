"""Building and pulling images."""

from __future__ import annotations

import os
from pathlib import Path

from dvm_runtimes.engines.base import Engine, Progress
from dvm_runtimes.errors import ImageNotFoundError, InvalidOptionError
from dvm_runtimes.infos import ImageInfo
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.validation.naming import APP, BUILT


def build(engine: Engine, op: Operation, options: BuildOptions, progress: Progress) -> ImageInfo:
    """Build an image and mark it as ours."""
    op.step = f"building {options.image_name}"
    labels = {BUILT: "true"} | ({APP: options.app_name} if options.app_name else {})
    image_id = engine.build_image(op, options, labels, progress)
    image = engine.inspect_image(op, image_id)
    return image or ImageInfo(id=image_id, tags=(options.image_name,), labels=labels)


def pull(engine: Engine, op: Operation, name: str, platform: str, progress: Progress) -> ImageInfo:
    """Pull an image.

    Raises:
        ImageNotFoundError: no registry has it, or it was removed meanwhile.
    """
    op.step = f"pulling {name}"
    engine.pull_image(op, name, platform, progress)
    image = engine.inspect_image(op, name)
    if image is None:
        raise ImageNotFoundError(
            f"{name!r} was pulled, but is not on {engine.platform_name}",
            hint="Somebody may have removed it meanwhile; pull it again.",
            platform=engine.platform_name,
            operation=op.name,
        )
    return image


def check_build(options: BuildOptions) -> None:
    """Refuse a build whose files are not there.

    Raises:
        InvalidOptionError: the context, the Dockerfile or a secret is missing.
    """
    from dvm_runtimes.builds.context import Sources  # slow to load, and only builds need it

    sources = Sources.of(options)
    if not sources.folder.is_dir():
        raise InvalidOptionError("build_context", str(sources.folder), "there is no such folder")
    if not sources.dockerfile.is_file():
        raise InvalidOptionError("dockerfile", str(sources.dockerfile), "there is no such file")
    for key, secret in options.secrets.items():
        if not Path(secret).is_file():
            raise InvalidOptionError(f"secrets[{key!r}]", os.fspath(secret), "there is no such file")
