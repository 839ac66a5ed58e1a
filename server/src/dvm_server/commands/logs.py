"""``dvm.workspace.logs``: the output of a workspace's main process; with ``follow``, also what it writes later."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from dvm_server.arguments import Arguments

from .call import Call
from .targets import Target


@dataclass(frozen=True, slots=True)
class LogsRequest:
    """The argument of ``logs``; ``tail`` in lines, ``since`` in seconds since the epoch."""

    target: Target
    tail: int | None
    since: float | None
    follow: bool

    @classmethod
    def parse(cls, arguments: Arguments) -> LogsRequest:
        """Take the members."""
        return cls(
            Target.parse(arguments),
            arguments.count("tail"),
            arguments.number("since", None),
            arguments.flag("follow"),
        )


def read_logs(call: Call, request: LogsRequest) -> dict[str, str]:
    """``{"text": ...}``; with ``follow`` the text goes to the client as ``dvm/logs``, and the result's is empty."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    chunks: list[str] = []
    with call.runtime() as runtime:
        reference = call.reference(request.target, runtime)
        for data in runtime.workspace_logs(reference, request.tail, request.since, request.follow, **call.limits()):
            text = decoder.decode(data)
            if not request.follow:
                chunks.append(text)
            elif text:
                call.notify("dvm/logs", {"id": call.work.id, "workspace": reference, "text": text})
    return {"text": "".join(chunks)}
