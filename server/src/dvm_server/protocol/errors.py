"""`RequestError`: the error response of a request, and the codes of JSON-RPC and LSP."""

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
"""LSP: the request was valid, but failed."""

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
    """An error response.

    Args:
        code: an error code of JSON-RPC or LSP.
        message: one readable line.
        data: ``error.data``, with at least ``kind``, ``platform``, ``operation`` and ``hint``; made from ``code`` and
            ``hint`` by default.
        hint: the next step, when there is no ``data``.
    """

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data or {"kind": _KINDS.get(code, "error"), "platform": "", "operation": "", "hint": hint}

    def to_dict(self) -> dict[str, Any]:
        """The member ``error`` of the response."""
        return {"code": self.code, "message": self.message, "data": self.data}
