"""``dvm.platform.list``: every platform found on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.platform.list")
    @server.thread()
    def list_platforms(work: Work) -> list[dict[str, Any]]:
        from dvm_runtimes.discovery.detection import detect_platforms
        from dvm_runtimes.discovery.probing import PATIENT
        from dvm_server import json_codec

        server.arguments(work.argument).done()
        # On a thread, so that a busy engine has time to answer.
        return [json_codec.platform(found) for found in detect_platforms(timeout=PATIENT)]
