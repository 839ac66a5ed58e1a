"""The exit codes of ``dvm``. ``exec`` and ``attach`` return that of the command they ran."""

from __future__ import annotations

from dvm_runtimes.errors import (
    DvmError,
    ExecError,
    InvalidOptionError,
    OperationCancelledError,
    OperationTimeoutError,
    RuntimeUnavailableError,
)

FAILED = 1
USAGE = 2
UNAVAILABLE = 69
"""No engine answers; EX_UNAVAILABLE of sysexits.h."""
TIMED_OUT = 124
"""The exit code of timeout(1)."""
CANCELLED = 130
"""128 plus SIGINT. Other signals likewise: 143 for SIGTERM, 129 for SIGHUP."""
CLOSED_PIPE = 141
"""128 plus SIGPIPE: the reader of the output closed the pipe."""


def code_of(error: DvmError, signal_number: int | None = None) -> int:
    """The exit code for an error.

    Args:
        error: the error.
        signal_number: the signal that cancelled the work, if one did.
    """
    match error:
        case OperationCancelledError():
            return CANCELLED if signal_number is None else 128 + signal_number
        case ExecError():
            return error.exit_code
        case InvalidOptionError():
            return USAGE
        case RuntimeUnavailableError():
            return UNAVAILABLE
        case OperationTimeoutError():
            return TIMED_OUT
    return FAILED
