"""From an error of `dvm_runtimes` to the error answer of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dvm_runtimes.errors import DvmError, InvalidOptionError, OperationCancelledError
from dvm_server.protocol.failures import INVALID_PARAMS, REQUEST_CANCELLED, REQUEST_FAILED, RequestError

from .json_codec import renamed

_SECRET_MEMBERS = ("env", "buildArgs", "input")
_SHORTEST = 4
"""Characters: shorter values are words like "1" or "no", and would be cut out of every text."""


def explain(error: DvmError, command: str, argument: Any) -> RequestError:
    """The answer for ``error``.

    Args:
        error: what was raised.
        command: which command it was, for errors that do not know their operation.
        argument: what the client gave; the secrets in it are cut out of every text.
    """
    if isinstance(error, InvalidOptionError):
        error = renamed(error)
        code = INVALID_PARAMS
    else:
        code = REQUEST_CANCELLED if isinstance(error, OperationCancelledError) else REQUEST_FAILED
    data = error.to_dict()
    data["operation"] = data["operation"] or command
    secrets = sorted(secrets_of(argument), key=len, reverse=True)
    return RequestError(code, veiled(str(error), secrets), {key: veiled(one, secrets) for key, one in data.items()})


def secrets_of(argument: Any) -> Iterator[str]:
    """The values in a command's argument that must not be told."""
    if not isinstance(argument, dict):
        return
    for name in _SECRET_MEMBERS:
        value = argument.get(name)
        values = value.values() if isinstance(value, dict) else [value]
        for one in values:
            if isinstance(one, str) and len(one) >= _SHORTEST:
                yield one
                # Errors quote values as Python or JSON writes them, and may cut them short.
                yield repr(one)[1:-1]


def veiled(text: Any, secrets: list[str]) -> Any:
    """``text`` without the secrets in it."""
    if isinstance(text, str):
        for secret in secrets:
            text = text.replace(secret, "***")
    return text
