"""``dvm.runtime.info`` and ``.select``: which runtime is in use, and using another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.runtime.info")
    @server.thread()
    def info(work: Work) -> dict[str, Any]:
        arguments = server.arguments(work.argument)
        which = arguments.text("runtime")
        arguments.done()
        if which:
            from dvm_runtimes.discovery.factory import create_runtime

            with create_runtime(which) as other:
                return describe(other, other.version(cancel=work.cancel))
        with server.runtime(work) as runtime:
            return describe(runtime, runtime.version(cancel=work.cancel))

    @server.command("dvm.runtime.select")
    @server.thread()
    def select(work: Work) -> dict[str, Any]:
        arguments = server.arguments(work.argument)
        which = arguments.text("runtime", "auto")
        arguments.done()
        server.selection.select(which, work.cancel)
        with server.runtime(work) as runtime:
            return describe(runtime, server.selection.state.version)


def describe(runtime: Any, version: str) -> dict[str, Any]:
    """A runtime as clients get it."""
    from dvm_server import json_codec

    return {
        "runtime": runtime.platform_type,
        "runtimeType": runtime.runtime_type,
        "platformName": runtime.platform_name,
        "version": version,
        "endpoint": runtime.endpoint,
        "capabilities": json_codec.deep_camel(runtime.capabilities.to_dict()),
    }
