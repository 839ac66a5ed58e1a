"""From the body of a frame to a request, a notification, a response, or an error response."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, NoReturn

from .errors import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RequestError

MAX_DEPTH = 100
"""The maximum nesting of a message; the protocol itself needs about ten levels."""

Id = int | str


class Request(NamedTuple):
    """A request; ``size`` in bytes."""

    id: Id
    method: str
    params: Any
    size: int = 0


class Notification(NamedTuple):
    """A notification, which has no response."""

    method: str
    params: Any


class Reply(NamedTuple):
    """The client's response to a request of the server."""

    id: Id
    result: Any
    error: Any


class Refused(NamedTuple):
    """A message that is not valid, and its error response."""

    id: Id | None
    error: RequestError


Message = Request | Notification | Reply | Refused


def decode(body: bytes) -> Message:
    """Decode a message."""
    try:
        data = _loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        return Refused(None, RequestError(PARSE_ERROR, "The message is not UTF-8"))
    except RecursionError:
        return Refused(None, RequestError(PARSE_ERROR, "The message is nested too deeply"))
    except ValueError as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        return Refused(None, RequestError(PARSE_ERROR, f"The message is not JSON{where}"))
    # Counting brackets is cheap, and few messages have enough of them.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deep(data):
        problem = f"The message is nested more than {MAX_DEPTH} levels deep"
        return Refused(_id_of(data), RequestError(INVALID_REQUEST, problem))
    return _classify(data, len(body))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_loads = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _classify(data: Any, size: int) -> Message:
    if not isinstance(data, dict):
        what = "Batches are" if isinstance(data, list) else "A bare value is"
        return Refused(None, RequestError(INVALID_REQUEST, f"{what} not part of the base protocol"))
    method = data.get("method")
    identifier = _id_of(data)
    if data.get("jsonrpc") != "2.0":
        return Refused(identifier, RequestError(INVALID_REQUEST, 'The member "jsonrpc" must be "2.0"'))
    if "method" not in data and ("result" in data or "error" in data):
        # A response gets no response, not even a wrong one.
        return Reply("" if identifier is None else identifier, data.get("result"), data.get("error"))
    if not isinstance(method, str):
        return Refused(identifier, RequestError(INVALID_REQUEST, 'The member "method" must be a string'))
    params = data.get("params")
    if "id" not in data:
        return Notification(method, params)
    if identifier is None:
        return Refused(None, RequestError(INVALID_REQUEST, 'The member "id" must be a string or a whole number'))
    if params is not None and not isinstance(params, dict | list):
        return Refused(identifier, RequestError(INVALID_PARAMS, 'The member "params" must be an object or an array'))
    return Request(identifier, method, params, size)


def _id_of(data: Any) -> Id | None:
    """The ID of the message, if it is valid; True and 1.5 are not."""
    identifier = data.get("id") if isinstance(data, dict) else None
    return identifier if type(identifier) in (int, str) else None


def _is_deep(data: Any) -> bool:
    level = [data]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if type(value) is dict:
                below.extend(value.values())
            elif type(value) is list:
                below.extend(value)
        if not below:
            return False
        level = below
    return True
