"""``dvm.image.build``: build an image; each step is shown as progress."""

from __future__ import annotations

from typing import Any

from dvm_runtimes.infos import ImageInfo
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.validation.naming import workspace_name_for
from dvm_server.arguments import Arguments

from .call import Call
from .steps import progress_reporter


def image_name_for(folder: str) -> str:
    """The name of a folder's image, the same as that of ``dvm build``."""
    return f"dvm-{workspace_name_for(folder)}"


def parse_build(arguments: Arguments) -> BuildOptions:
    """The members of `BuildOptions`; ``folder`` is the default of ``appPath`` and ``imageName``."""
    folder = arguments.folder
    defaults: dict[str, Any] = {}
    if folder is not None:
        if "appPath" not in arguments and "buildContext" not in arguments:
            defaults["appPath"] = folder
        defaults["imageName"] = image_name_for(folder)
    return arguments.options(BuildOptions, **defaults)


def build_image(call: Call, options: BuildOptions) -> ImageInfo:
    """Build the image."""
    call.progress.begin(f"Building {options.image_name}")
    with call.runtime() as runtime:
        return runtime.build_image(options, progress_reporter(call.progress), **call.limits())
