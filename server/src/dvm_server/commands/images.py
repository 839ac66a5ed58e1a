"""``dvm.image.build``: build an image, with a report for each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.image.build")
    @server.thread()
    def build(work: Work) -> dict[str, Any]:
        from dvm_runtimes.options import BuildOptions
        from dvm_runtimes.validation.naming import workspace_name_for
        from dvm_server import json_codec
        from dvm_server.steps import shown

        arguments = server.arguments(work.argument)
        limit, folder = arguments.timeout(), arguments.folder
        given: dict[str, Any] = {}
        if folder is not None:
            if "appPath" not in arguments and "buildContext" not in arguments:
                given["appPath"] = folder
            given["imageName"] = f"dvm-{workspace_name_for(folder)}"
        options = arguments.options(BuildOptions, **given)
        work.progress.begin(f"Building {options.image_name}")
        with server.runtime(work) as runtime:
            return json_codec.image(runtime.build_image(options, shown(work.progress), cancel=work.cancel, **limit))
