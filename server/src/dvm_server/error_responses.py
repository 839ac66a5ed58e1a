"""From an error of `dvm_runtimes` to the error response of a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dvm_runtimes.errors import DvmError, InvalidOptionError, OperationCancelledError
from dvm_server.protocol.errors import INVALID_PARAMS, REQUEST_CANCELLED, REQUEST_FAILED, RequestError

from .json_codec import camel, rename_field

_SECRET_MEMBERS = ("env", "buildArgs", "input")
_QUOTED_FIELD = re.compile(r"`([a-z]+(?:_[a-z]+)+)(?:=([\w.-]+))?`")
_SHORTEST = 4
"""Characters: shorter values, such as "1" or "no", would be redacted in every text."""


def error_response(error: DvmError, command: str, argument: Any) -> RequestError:
    """The error response for ``error``.

    Args:
        error: raised by the command.
        command: the ID of the command, for errors without an operation.
        argument: sent by the client; its secrets are redacted in every text.
    """
    if isinstance(error, InvalidOptionError):
        error = rename_field(error)
        code = INVALID_PARAMS
    else:
        code = REQUEST_CANCELLED if isinstance(error, OperationCancelledError) else REQUEST_FAILED
    data = error.to_dict()
    data["operation"] = data["operation"] or command
    for name in ("message", "hint"):
        data[name] = with_members(data[name])
    secrets = sorted(secret_values(argument), key=len, reverse=True)
    data = {key: redact(one, secrets) for key, one in data.items()}
    return RequestError(code, redact(with_members(str(error)), secrets), data)


def with_members(text: str) -> str:
    """``text`` with JSON members in place of the fields that the library names in backticks.

    >>> with_members("Start with `on_drift=reuse`, or see `dvm ls`.")
    'Start with `onDrift`: `reuse`, or see `dvm ls`.'
    """
    return _QUOTED_FIELD.sub(lambda match: f"`{camel(match[1])}`" + (f": `{match[2]}`" if match[2] else ""), text)


def secret_values(argument: Any) -> Iterator[str]:
    """The values in a command's argument that must not appear in errors."""
    if not isinstance(argument, dict):
        return
    for name in _SECRET_MEMBERS:
        value = argument.get(name)
        values = value.values() if isinstance(value, dict) else [value]
        for one in values:
            if isinstance(one, str) and len(one) >= _SHORTEST:
                yield one
                # Errors quote values as Python literals.
                yield repr(one)[1:-1]


def redact(text: Any, secrets: list[str]) -> Any:
    """``text`` with its secrets replaced."""
    if isinstance(text, str):
        for secret in secrets:
            text = text.replace(secret, "***")
    return text
