"""``dvm.image.build``: build an image; each step is shown as progress."""

from __future__ import annotations

from typing import Any

from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.infos import ImageInfo
from dvm_runtimes.options import BuildOptions
from dvm_server.arguments import Arguments

from .call import Call
from .steps import progress_reporter


def parse_build(arguments: Arguments) -> BuildOptions:
    """The members of `BuildOptions`; ``folder`` is the default of ``appPath`` and ``imageName``."""
    folder = arguments.folder
    defaults: dict[str, Any] = {}
    if folder is not None:
        if "appPath" not in arguments and "buildContext" not in arguments:
            defaults["appPath"] = folder
        defaults["imageName"] = FolderIdentity.of(folder).image_name
    return arguments.options(BuildOptions, **defaults)


def build_image(call: Call, options: BuildOptions) -> ImageInfo:
    """Build the image."""
    call.progress.begin(f"Building {options.image_name}")
    with call.runtime() as runtime:
        return runtime.build_image(options, progress_reporter(call.progress), **call.limits())
