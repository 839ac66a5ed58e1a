"""``dvm.workspace.exec``: run a command in a workspace and wait for it."""

from __future__ import annotations

import base64
import binascii
import codecs
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.infos import ExecResult
from dvm_runtimes.options import ExecOptions
from dvm_server.arguments import Arguments

from .call import Call
from .targets import Target


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """The argument of ``exec``."""

    target: Target
    argv: list[str]
    options: ExecOptions
    stream: bool

    @classmethod
    def parse(cls, arguments: Arguments) -> ExecRequest:
        """Take the members."""
        options = arguments.some(ExecOptions, ("env", "workingDir", "uid", "gid"))
        return cls(
            Target.parse(arguments),
            arguments.argv("command"),
            dataclasses.replace(options, input=_input(arguments)),
            arguments.flag("stream"),
        )


def exec_command(call: Call, request: ExecRequest) -> ExecResult:
    """Run the command; with ``stream``, its output goes to the client while it runs."""
    options = request.options
    if request.stream:
        options = dataclasses.replace(options, on_stdout=_sender(call, "stdout"), on_stderr=_sender(call, "stderr"))
    with call.runtime() as runtime:
        reference = call.reference(request.target, runtime)
        return runtime.exec_in_workspace(reference, request.argv, options, **call.limits())


def encode_result(result: ExecResult) -> dict[str, Any]:
    """The exit code and both streams: as text if both are UTF-8, else both in base64, as in ``dvm exec --json``."""
    try:
        streams = {"stdout": result.stdout.decode(), "stderr": result.stderr.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        stdout, stderr = (base64.b64encode(stream).decode() for stream in (result.stdout, result.stderr))
        streams = {"stdout": stdout, "stderr": stderr, "encoding": "base64"}
    return {"exitCode": result.exit_code, **streams}


def _input(arguments: Arguments) -> bytes | None:
    """The member ``input``: text, or bytes in base64 when ``inputEncoding`` is ``base64``; None when left out."""
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


def _sender(call: Call, stream: str) -> Callable[[bytes], object]:
    """A callback that sends output as ``dvm/output``; bytes that are not UTF-8 are replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def send(data: bytes) -> None:
        if text := decoder.decode(data):
            call.notify("dvm/output", {"id": call.work.id, "stream": stream, "text": text})

    return send
