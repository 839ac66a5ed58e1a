"""``dvm.doctor``: what works on this machine, what does not, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.doctor")
    @server.thread()
    def doctor(work: Work) -> dict[str, Any]:
        from dvm_runtimes.discovery.doctor import examine
        from dvm_server import json_codec

        server.arguments(work.argument).done()
        report: dict[str, Any] = json_codec.deep_camel(examine(server.selection.asked).to_dict())
        return report
