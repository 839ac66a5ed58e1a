"""Requests to one engine, over connections that can be cut while a call waits.

A call belongs to an `Operation`: whatever ends that, ends the call's blocked
reads and writes at once. HTTP is the standard library's: the Docker SDK's
connections, time limits, lists and streams had all to be replaced, and what
was left of it takes longer to load than everything else of a command.
"""

from __future__ import annotations

import contextlib
import http.client
import json as json_text
import selectors
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from dvm_runtimes.engines.http.api_error import NotAnEngineError

from .api_error import ApiError, message_in
from .connection import Wire, dial, dial_session

if TYPE_CHECKING:
    from dvm_runtimes.operation import Operation

    from .endpoint import Endpoint

OLDEST = "1.24"
NEWEST = "1.51"
"""The API versions that this code was written for; an engine's own, if it is older, goes before `NEWEST`."""

_KEPT = 16
"""Idle connections that are kept for the next calls."""

_PIECE = 256 * 1024


class Scope:
    """What one call holds: its operation, and the connection that it uses now."""

    def __init__(self, op: Operation) -> None:
        self.op = op
        self.wire: Wire | None = None
        """What the call goes over, or broke on; None while it has none."""
        self._lock = threading.Lock()

    def hold(self, wire: Wire) -> None:
        """From here on the call goes over this connection."""
        with self._lock:
            self.wire = wire
        # Aborted just before: whoever did it found no connection to cut.
        if self.op.aborted:
            self.cut()

    def let_go(self, wire: Wire) -> None:
        """It may be another call's: the end of this one must not cut it."""
        with self._lock:
            if self.wire is wire:
                self.wire = None

    def cut(self) -> None:
        """Make the call's blocked reads and writes end; does not block."""
        with self._lock:
            if self.wire is not None:
                self.wire.cut()


class _Current(threading.local):
    scope: Scope | None = None


class _Line:
    """HTTP over a `Wire`, one request after the other."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        # Its address is never used: it has its socket.
        self.http = http.client.HTTPConnection("localhost")
        self.http.auto_open = 0
        self.http.sock = wire.sock

    def ask(self, method: str, target: str, body: Any, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Send a request; the head of its answer.

        Raises:
            NotAnEngineError: what answered speaks no HTTP.
            EOFError, OSError: the connection broke.
        """
        unsent: OSError | None = None
        try:
            self.http.request(method, target, body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError) as error:
            # It would not take all of it; its answer may say why.
            unsent = error
        try:
            return self.http.getresponse()
        except (OSError, http.client.HTTPException) as error:
            if unsent is not None:
                raise unsent from None
            if isinstance(error, http.client.RemoteDisconnected):
                raise EOFError("the connection was closed before any answer") from None
            if isinstance(error, http.client.HTTPException):
                raise NotAnEngineError(f"no HTTP ({type(error).__name__})") from None
            raise

    @property
    def is_quiet(self) -> bool:
        """Whether it still waits for a request; an engine that has gone shows as something to read."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.wire.sock, selectors.EVENT_READ)
                return not selector.select(0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        self.http.close()
        self.wire.close()


class Answer:
    """An engine's answer, of which the body may yet be coming. Made by `Client.call`.

    Attributes:
        headers: by name, in any case.
        body: all of it; empty for one that is read as it comes.
    """

    def __init__(self, client: Client, line: _Line, scope: Scope | None, response: http.client.HTTPResponse) -> None:
        self.headers: Mapping[str, str] = response.headers  # type: ignore[assignment]
        self.body = b""
        self._client = client
        self._scope = scope
        self._response = response
        self._line: _Line | None = line
        self._wire = line.wire
        self._lock = threading.Lock()

    def json(self) -> Any:
        """The body's content.

        Raises:
            NotAnEngineError: it is no JSON.
        """
        try:
            return json_text.loads(self.body)
        except ValueError as error:
            raise NotAnEngineError("its answer is no JSON") from error

    def read(self) -> bytes:
        """Take the whole body, and give the connection back.

        Raises:
            EOFError, OSError: it broke.
        """
        try:
            self.body = b"".join(self.pieces())
        except BaseException:
            self.close()
            raise
        return self.body

    def pieces(self) -> Iterator[bytes]:
        """Bytes as they arrive, not gathered.

        Raises:
            EOFError, OSError: it broke.
        """
        try:
            while piece := self._response.read1(_PIECE):
                yield piece
        except http.client.HTTPException as error:
            raise EOFError("the answer ended in the middle") from error
        if self._response.length:
            raise EOFError("the answer ended in the middle")
        self._release()

    def cut(self) -> None:
        """Make a blocked `pieces` end at once; does not block."""
        # Once it was read to its end, its connection may be another call's.
        with self._lock:
            if self._line is not None:
                self._wire.cut()

    def explain(self) -> BaseException | None:
        """Why it broke, where the connection knows."""
        return self._wire.explain()

    def close(self) -> None:
        """End it, wherever it is; without effect once it was read to its end."""
        if line := self._leave():
            line.close()

    def _release(self) -> None:
        """Nothing more comes: the connection may serve the next call."""
        if line := self._leave():
            lasts = not self._response.will_close
            self._response.close()
            if self._scope is not None:
                self._scope.let_go(self._wire)
            self._client.keep(line) if lasts else line.close()

    def _leave(self) -> _Line | None:
        with self._lock:
            line, self._line = self._line, None
        return line


class Client:
    """Speaks to one engine; every thread may.

    Args:
        endpoint: where it listens.

    Attributes:
        api_version: what is spoken.
        requests, connections: how many there have been.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.api_version = OLDEST
        self.requests = self.connections = 0
        self._current = _Current()
        self._lock = threading.Lock()
        self._idle: list[_Line] = []
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()
        self._closed = False

    @contextlib.contextmanager
    def scope(self, op: Operation) -> Iterator[Scope]:
        """Requests of this thread within the block belong to ``op`` and end with it."""
        before = self._current.scope
        scope = self._current.scope = Scope(op)
        try:
            with op.aborting(scope.cut):
                yield scope
        finally:
            self._current.scope = before

    def ping(self) -> Answer:
        """Ask whether it is there; the headers tell its API version."""
        return self.call("GET", "/_ping", versioned=False)

    def get(self, path: str, *parts: str, **params: Any) -> Any:
        """What there is to know at ``path``; see `call`."""
        return self.call("GET", path, *parts, params=params).json()

    def call(
        self,
        method: str,
        path: str,
        *parts: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Iterable[bytes] | None = None,
        json: Mapping[str, Any] | None = None,
        stream: bool = False,
        versioned: bool = True,
    ) -> Answer:
        """Make a request.

        Args:
            method: as in ``POST``.
            path: below the version, as in ``/containers/{}/start``.
            parts: names to put into it.
            params: the query: a list is given word by word, an object as JSON, None and False not at all.
            data: the body, piece by piece.
            json: the body, as an object.
            stream: the body of the answer is left for the caller, who closes it.

        Raises:
            ApiError: the engine refused.
            NotAnEngineError: what answered speaks no HTTP.
            EOFError, OSError: the connection broke, or there was none to be had.
            DvmError: the operation was aborted while the connection was made.
        """
        target = path.format(*(quote(part, safe="/:@") for part in parts))
        if versioned:
            target = f"/v{self.api_version}{target}"
        if query := urlencode(dict(_words(params or {})), doseq=True):
            target = f"{target}?{query}"
        sent = {"Host": self.endpoint.http_host, **(headers or {})}
        if json is not None:
            sent["Content-Type"] = "application/json"
        scope = self._current.scope
        line = self._line(scope)
        try:
            body = data if json is None else json_text.dumps(json).encode()
            response = line.ask(method, target, body, sent)
        except BaseException:
            line.close()
            raise
        answer = Answer(self, line, scope, response)
        if response.status >= http.client.BAD_REQUEST:
            raise ApiError(response.status, message_in(answer.read()) or response.reason)
        if not stream:
            answer.read()
        return answer

    def dial(self, op: Operation) -> Wire:
        """A connection of its own, for what takes one over."""
        wire = dial_session(self.endpoint, op)
        self._remember(wire)
        return wire

    def keep(self, line: _Line) -> None:
        """Have this connection ready for another call."""
        with self._lock:
            if not self._closed and len(self._idle) < _KEPT:
                self._idle.append(line)
                return
        line.close()

    def cut(self) -> None:
        """End every call in flight."""
        with self._lock:
            wires = list(self._wires)
        for wire in wires:
            wire.cut()

    def close(self) -> None:
        """Release the connections that no call uses; the others are released as their calls end."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _line(self, scope: Scope | None) -> _Line:
        """A connection for one request, the one that was used last before a new one."""
        with self._lock:
            self.requests += 1
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None:
                wire = dial(self.endpoint, scope.op if scope is not None else None)
                self._remember(wire)
                line = _Line(wire)
            elif not line.is_quiet:
                line.close()
                continue
            if scope is not None:
                scope.hold(line.wire)
            return line

    def _remember(self, wire: Wire) -> None:
        """Let `cut` reach this connection too."""
        with self._lock:
            self.connections += 1
            self._wires.add(wire)


def _words(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A query as the API wants it: its flags are there or not, its objects are JSON."""
    for name, value in params.items():
        if value is None or value is False:
            continue
        if isinstance(value, dict):
            yield name, json_text.dumps(value)
        else:
            yield name, 1 if value is True else value


def version_of(answer: Answer) -> str:
    """The newest API version that both sides know."""
    theirs = answer.headers.get("Api-Version", "")
    return negotiate(theirs) if theirs else OLDEST


def negotiate(theirs: str) -> str:
    """The newest API version that both sides know.

    >>> negotiate("1.41"), negotiate("1.99")
    ('1.41', '1.51')
    """
    return NEWEST if as_number(theirs) > as_number(NEWEST) else theirs


def as_number(version: str) -> tuple[int, ...]:
    """An API version that can be compared; ``(0,)`` for what is none.

    >>> as_number("1.9") < as_number("1.41")
    True
    """
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        return (0,)
