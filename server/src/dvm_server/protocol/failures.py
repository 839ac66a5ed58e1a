"""Why a request got an error for an answer: codes, and the data that goes with them."""

from __future__ import annotations

from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
REQUEST_CANCELLED = -32800
REQUEST_FAILED = -32803
"""LSP's code for a request that was right but could not be done."""

_KINDS = {
    PARSE_ERROR: "parse_error",
    INVALID_REQUEST: "invalid_request",
    METHOD_NOT_FOUND: "method_not_found",
    INVALID_PARAMS: "invalid_params",
    INTERNAL_ERROR: "internal_error",
    NOT_INITIALIZED: "not_initialized",
    REQUEST_CANCELLED: "cancelled",
    REQUEST_FAILED: "request_failed",
}


class RequestError(Exception):
    """An error answer.

    Args:
        code: JSON-RPC's or LSP's number.
        message: one readable line.
        data: what ``error.data`` carries; always with ``kind``, ``platform``, ``operation`` and ``hint``.
    """

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data or {"kind": _KINDS.get(code, "error"), "platform": "", "operation": "", "hint": hint}

    def to_dict(self) -> dict[str, Any]:
        """The ``error`` member of the answer."""
        return {"code": self.code, "message": self.message, "data": self.data}
