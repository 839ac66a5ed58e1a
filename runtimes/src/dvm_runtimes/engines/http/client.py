"""HTTP requests to one server, over connections that can be cut while a call waits.

A call belongs to an `Operation`: whatever ends that, ends the call's blocked
reads and writes at once. HTTP is the standard library's, which loads faster
than any client library and leaves the socket to us.

    client = Client(endpoint, base_path="/api/v1", headers={"Authorization": "Bearer ..."})
    with client.scope(op):
        pods = client.get("/namespaces/{}/pods", "default", labelSelector="app=shop")
"""

from __future__ import annotations

import contextlib
import http.client
import json as json_text
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from dvm_runtimes.operation import Operation

from .api_error import ApiError, ProtocolError, message_in
from .channel import Channel
from .connection import Connection, dial, dial_session
from .upgrade import Upgraded, take_over

if TYPE_CHECKING:
    from .endpoint import Endpoint

_KEPT = 16
"""Idle connections that are kept for the next calls."""

_PIECE = 256 * 1024


class Scope:
    """What one call holds: its operation, and the connection that it uses now."""

    def __init__(self, op: Operation) -> None:
        self.op = op
        self.connection: Connection | None = None
        """What the call goes over, or broke on; None while it has none."""
        self._lock = threading.Lock()

    def hold(self, connection: Connection) -> None:
        """From here on the call goes over this connection."""
        with self._lock:
            self.connection = connection
        # Aborted just before: whoever did it found no connection to cut.
        if self.op.aborted:
            self.cut()

    def let_go(self, connection: Connection) -> None:
        """It may be another call's: the end of this one must not cut it."""
        with self._lock:
            if self.connection is connection:
                self.connection = None

    def cut(self) -> None:
        """Make the call's blocked reads and writes end; does not block."""
        with self._lock:
            if self.connection is not None:
                self.connection.cut()


class _Current(threading.local):
    scope: Scope | None = None


class Response:
    """A response, of which the body may yet be coming. Made by `Client.call`.

    Attributes:
        headers: by name, in any case.
        body: all of it; empty for a streamed response.
    """

    def __init__(
        self, client: Client, channel: Channel, scope: Scope | None, response: http.client.HTTPResponse
    ) -> None:
        self.headers: Mapping[str, str] = response.headers  # type: ignore[assignment]
        self.body = b""
        self._client = client
        self._scope = scope
        self._response = response
        self._channel: Channel | None = channel
        self._connection = channel.connection
        self._lock = threading.Lock()

    def json(self) -> Any:
        """The body's content.

        Raises:
            ProtocolError: it is no JSON.
        """
        try:
            return json_text.loads(self.body)
        except ValueError as error:
            raise ProtocolError("its answer is no JSON") from error

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
            if self._channel is not None:
                self._connection.cut()

    def explain(self) -> BaseException | None:
        """Why it broke, where the connection knows."""
        return self._connection.explain()

    def close(self) -> None:
        """End it, wherever it is; without effect once it was read to its end."""
        if channel := self._leave():
            channel.close()

    def _release(self) -> None:
        """Nothing more comes: the connection may serve the next call."""
        if channel := self._leave():
            lasts = not self._response.will_close
            self._response.close()
            if self._scope is not None:
                self._scope.let_go(self._connection)
            self._client.keep(channel) if lasts else channel.close()

    def _leave(self) -> Channel | None:
        with self._lock:
            channel, self._channel = self._channel, None
        return channel


class Client:
    """HTTP requests to one server. Threads may share it.

    Args:
        endpoint: the server's address.
        base_path: comes before every path, as in ``"/api/v1"``.
        headers: sent with every request, or a function that returns them, for tokens that expire.

    Attributes:
        requests, connections: how many there have been.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        base_path: str = "",
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.base_path = base_path
        self.requests = self.connections = 0
        self._headers = headers
        self._current = _Current()
        self._lock = threading.Lock()
        self._idle: list[Channel] = []
        self._open: weakref.WeakSet[Connection] = weakref.WeakSet()
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

    def get(self, path: str, *parts: str, **params: Any) -> Any:
        """The JSON at ``path``; see `call`."""
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
        base_path: str | None = None,
    ) -> Response:
        """Make a request.

        Args:
            method: as in ``"POST"``.
            path: below the base path, as in ``"/containers/{}/start"``.
            parts: names that replace the path's ``{}``, quoted.
            params: the query, see `encode_query`.
            headers: sent besides the client's own.
            data: the body, piece by piece.
            json: the body, as an object.
            stream: leave the response's body to the caller, who closes it.
            base_path: replaces the client's own.

        Raises:
            ApiError: an HTTP error response.
            ProtocolError: what answered does not speak HTTP.
            EOFError, OSError: the connection broke, or could not be made.
            DvmError: the operation was aborted while the connection was made.
        """
        target = self._target(path, parts, params, base_path)
        sent = self._all_headers(headers)
        body: Iterable[bytes] | bytes | None = data
        if json is not None:
            sent.setdefault("Content-Type", "application/json")
            body = json_text.dumps(json).encode()
        scope = self._current.scope
        channel = self._channel(scope)
        try:
            response = channel.ask(method, target, body, sent)
        except BaseException:
            channel.close()
            raise
        response.will_close |= sent.get("Connection") == "close"
        answer = Response(self, channel, scope, response)
        if response.status >= http.client.BAD_REQUEST:
            raise ApiError(response.status, message_in(answer.read()) or response.reason, answer.headers)
        if not stream:
            answer.read()
        return answer

    def upgrade(
        self,
        method: str,
        path: str,
        *parts: str,
        protocol: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Upgraded:
        """Take a connection over from HTTP. The caller closes it.

        Args:
            protocol: what the server is asked to speak on it, as in ``"tcp"`` or ``"websocket"``.

        Raises:
            ApiError, ProtocolError, EOFError, OSError, DvmError: as `call` does.
        """
        sent = self._all_headers(headers) | {"Upgrade": protocol}
        body = b""
        if json is not None:
            sent.setdefault("Content-Type", "application/json")
            body = json_text.dumps(json).encode()
        op = self._op
        connection = self.dial(op)
        try:
            with op.aborting(connection.cut):
                return take_over(connection, self._target(path, parts, params), sent, body, method=method)
        except BaseException as error:
            reason = connection.explain()
            connection.close()
            if reason is not None:
                raise reason from error
            raise

    def encode_query(self, params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The pairs of a query: None is left out, a list gives its name several times."""
        for name, value in params.items():
            if isinstance(value, bool):
                yield name, "true" if value else "false"
            elif value is not None:
                yield name, value

    def dial(self, op: Operation) -> Connection:
        """A connection of its own, which two threads may use at once."""
        return self._remember(self._dial(op, session=True))

    def keep(self, channel: Channel) -> None:
        """Keep this connection for another call."""
        with self._lock:
            if not self._closed and len(self._idle) < _KEPT:
                self._idle.append(channel)
                return
        channel.close()

    def cut(self) -> None:
        """End every call in flight."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.cut()

    def close(self) -> None:
        """Release the connections that no call uses; the others are released as their calls end."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for channel in idle:
            channel.close()

    @property
    def _op(self) -> Operation:
        scope = self._current.scope
        return scope.op if scope is not None else Operation("request")

    def _target(
        self, path: str, parts: Iterable[str], params: Mapping[str, Any] | None, base_path: str | None = None
    ) -> str:
        below = path.format(*(quote(part, safe="/:@") for part in parts))
        query = urlencode(dict(self.encode_query(params or {})), doseq=True)
        return (self.base_path if base_path is None else base_path) + below + (f"?{query}" if query else "")

    def _all_headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        own = self._headers() if callable(self._headers) else self._headers
        return {"Host": self.endpoint.http_host, **(own or {}), **(headers or {})}

    def _channel(self, scope: Scope | None) -> Channel:
        """A connection for one request, the one that was used last before a new one."""
        with self._lock:
            self.requests += 1
        while True:
            with self._lock:
                channel = self._idle.pop() if self._idle else None
            if channel is None:
                channel = Channel(self._remember(self._dial(self._op)))
            elif not channel.is_quiet:
                channel.close()
                continue
            if scope is not None:
                scope.hold(channel.connection)
            return channel

    def _dial(self, op: Operation, *, session: bool = False) -> Connection:
        return (dial_session if session else dial)(self.endpoint, op)

    def _remember(self, connection: Connection) -> Connection:
        """Let `cut` reach this connection too."""
        with self._lock:
            self.connections += 1
            self._open.add(connection)
        return connection
