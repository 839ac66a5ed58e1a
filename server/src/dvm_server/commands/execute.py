"""``dvm.workspace.exec``: run a command in a workspace and wait for it."""

from __future__ import annotations

import base64
import binascii
import codecs
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dvm_server.protocol.work import Work

if TYPE_CHECKING:
    from dvm_server.app import DvmServer
    from dvm_server.arguments import Arguments


def register(server: DvmServer) -> None:
    @server.command("dvm.workspace.exec")
    @server.thread()
    def execute(work: Work) -> dict[str, Any]:
        import dataclasses

        from dvm_runtimes.options import ExecOptions

        arguments = server.arguments(work.argument)
        limit, command, given = arguments.timeout(), arguments.words("command"), _input(arguments)
        stream = arguments.flag("stream")
        options = arguments.some(ExecOptions, ("env", "workingDir", "uid", "gid"))
        options = dataclasses.replace(options, input=given)
        if stream:
            options = dataclasses.replace(
                options, on_stdout=_sender(server, work, "stdout"), on_stderr=_sender(server, work, "stderr")
            )
        with server.runtime(work) as runtime:
            reference = server.reference(arguments, runtime, work)
            arguments.done()
            result = runtime.exec_in_workspace(reference, command, options, cancel=work.cancel, **limit)
        return {"exitCode": result.exit_code, **_text(result.stdout, result.stderr)}


def _input(arguments: Arguments) -> bytes | None:
    """What the command reads: ``input``, as text or, with ``inputEncoding`` ``base64``, as bytes."""
    from dvm_runtimes.errors import InvalidOptionError

    encoding = arguments.text("inputEncoding", "utf-8")
    if encoding not in ("utf-8", "base64"):
        raise InvalidOptionError("inputEncoding", encoding, "must be utf-8 or base64")
    if "input" not in arguments:
        return None
    text = arguments.text("input")
    try:
        return text.encode() if encoding == "utf-8" else base64.b64decode(text, validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise InvalidOptionError("input", "...", f"is not {encoding}") from None


def _text(stdout: bytes, stderr: bytes) -> dict[str, str]:
    """The output as text if both streams are UTF-8, else both in base64; as ``dvm exec --json`` has it."""
    try:
        return {"stdout": stdout.decode(), "stderr": stderr.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        out, err = (base64.b64encode(stream).decode() for stream in (stdout, stderr))
        return {"stdout": out, "stderr": err, "encoding": "base64"}


def _sender(server: DvmServer, work: Work, stream: str) -> Callable[[bytes], object]:
    """Sends each piece of output as ``dvm/output``; what is no UTF-8 is replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def send(data: bytes) -> None:
        text = decoder.decode(data)
        if text:
            server.wait_for_room()
            server.tell("dvm/output", {"id": work.id, "stream": stream, "text": text})

    return send
