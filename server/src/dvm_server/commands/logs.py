"""``dvm.workspace.logs``: what a workspace's main process wrote, and with ``follow`` what it goes on to write."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


def register(server: DvmServer) -> None:
    @server.command("dvm.workspace.logs")
    @server.thread()
    def logs(work: Work) -> dict[str, str]:
        arguments = server.arguments(work.argument)
        limit, tail, since = arguments.timeout(), arguments.count("tail"), arguments.number("since", None)
        follow = arguments.flag("follow")
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pieces: list[str] = []
        with server.runtime(work) as runtime:
            reference = server.reference(arguments, runtime, work)
            arguments.done()
            for data in runtime.workspace_logs(reference, tail, since, follow, cancel=work.cancel, **limit):
                text = decoder.decode(data)
                if not follow:
                    pieces.append(text)
                elif text:
                    server.wait_for_room()
                    server.tell("dvm/logs", {"id": work.id, "workspace": reference, "text": text})
        return {"text": "".join(pieces)}
