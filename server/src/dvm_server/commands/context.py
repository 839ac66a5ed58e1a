"""``dvm.context.get`` and ``.set``: the active app and workspace of this user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.context.get")
    @server.thread()
    def get(work: Work) -> dict[str, str]:
        from dvm_runtimes.user.context import load_context

        server.arguments(work.argument).done()
        return load_context().to_dict()

    @server.command("dvm.context.set")
    @server.thread()
    def set_context(work: Work) -> dict[str, str]:
        from dvm_runtimes.user.context import update_context

        arguments = server.arguments(work.argument)
        app = arguments.text("app") if "app" in arguments else None
        workspace = arguments.text("workspace") if "workspace" in arguments else None
        arguments.done()
        return update_context(app=app, workspace=workspace).to_dict()
