"""The Docker SDK's low-level client on connections that can be cut while a call waits.

The SDK makes requests and reads answers; its connections, time limits and
version look-up are replaced. A call belongs to an `Operation`: whatever ends
that, ends the call's blocked reads and writes at once.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import requests.adapters
import urllib3.connection
import urllib3.connectionpool
from docker.api.client import APIClient
from docker.errors import create_api_error_from_http_exception

from .endpoint import Endpoint
from .wire import Wire, dial, dial_session

if TYPE_CHECKING:
    from dvm_runtimes.operation import Operation

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

    def cut(self) -> None:
        """Make the call's blocked reads and writes end; does not block."""
        wire = self.wire
        if wire is not None:
            wire.cut()


class _Current(threading.local):
    scope: Scope | None = None


class _Connection(urllib3.connection.HTTPConnection):
    """An HTTP connection over a `Wire`."""

    def __init__(self, pool: _Pool) -> None:
        super().__init__("localhost", timeout=None)
        self._owner = pool
        self.wire: Wire | None = None

    def connect(self) -> None:
        scope = self._owner.current.scope
        self.wire = dial(self._owner.endpoint, scope.op if scope is not None else None)
        self._owner.remember(self.wire)
        self.sock = self.wire.sock
        if scope is not None:
            scope.wire = self.wire
            # Aborted between the dialling and this line: nobody else would cut it.
            if scope.op.aborted:
                self.wire.cut()

    def close(self) -> None:
        super().close()
        wire, self.wire = self.wire, None
        if wire is not None:
            scope = self._owner.current.scope
            if scope is not None and scope.wire is wire:
                scope.wire = _Dead(wire)
            wire.close()


class _Dead(Wire):
    """A connection that broke and was closed; it can still say why."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.sock)
        self._wire = wire

    def cut(self) -> None:
        pass

    def explain(self) -> BaseException | None:
        return self._wire.explain()


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    """The connections to one engine."""

    def __init__(self, endpoint: Endpoint, current: _Current) -> None:
        super().__init__("localhost", timeout=None, maxsize=_KEPT, block=False)
        self.endpoint = endpoint
        self.current = current
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()
        self._wires_lock = threading.Lock()

    def remember(self, wire: Wire) -> None:
        """Let `cut` reach this connection too."""
        with self._wires_lock:
            self._wires.add(wire)

    def _new_conn(self) -> _Connection:
        self.num_connections += 1
        return _Connection(self)

    def _make_request(self, conn: Any, *args: Any, **kwargs: Any) -> Any:
        scope = self.current.scope
        if scope is not None:
            scope.wire = conn.wire
            # Aborted just before: whoever did it found no connection to cut.
            if scope.op.aborted:
                scope.cut()
        return super()._make_request(conn, *args, **kwargs)

    def _put_conn(self, conn: Any) -> None:
        scope = self.current.scope
        if scope is not None and conn is not None and scope.wire is conn.wire:
            # From here on it is another call's: the end of this one must not cut it.
            scope.wire = None
        # urllib3 would warn on standard error when there are more than are kept.
        if self.pool is not None and self.pool.full() and conn is not None:
            conn.close()
        else:
            super()._put_conn(conn)

    def cut(self) -> None:
        with self._wires_lock:
            wires = list(self._wires)
        for wire in wires:
            wire.cut()


class _Adapter(requests.adapters.HTTPAdapter):
    """Leads every request of the SDK to our connections."""

    def __init__(self, pool: _Pool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> _Pool:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return request.path_url

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Trust is the connection's affair."""

    def close(self) -> None:
        self._pool.close()
        super().close()


class Client(APIClient):
    """The low-level client for one engine.

    Args:
        endpoint: where it listens.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        # The address is never used: the adapter below has the way to the engine.
        super().__init__(base_url="unix:///dvm", version=OLDEST, timeout=None)  # type: ignore[arg-type]
        self.endpoint = endpoint
        self._current = _Current()
        self._pool = _Pool(endpoint, self._current)
        # Neither proxies nor .netrc of this machine have a say here.
        self.trust_env = False
        self.mount("http+docker://", _Adapter(self._pool))
        self.headers["Host"] = endpoint.http_host
        # requests asks for gzip, in which the engine then packs whole archives.
        self.headers["Accept-Encoding"] = "identity"

    @property
    def api_version(self) -> str:
        """The version that is spoken."""
        return self._version

    @api_version.setter
    def api_version(self, version: str) -> None:
        self._version = version

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

    def wire_now(self) -> Wire | None:
        """The connection that this thread's call uses."""
        scope = self._current.scope
        return scope.wire if scope is not None else None

    def ping(self) -> requests.Response:  # type: ignore[override]
        """Ask whether it is there; the headers tell its API version."""
        return self.call("GET", "/_ping", versioned=False)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Iterable[bytes] | bytes | None = None,
        json: Mapping[str, Any] | None = None,
        stream: bool = False,
        versioned: bool = True,
    ) -> requests.Response:
        """Make a request for which the SDK has no method, or one that loses something.

        Args:
            path: below the version, with its parts quoted where they need it.
            stream: the body is left for the caller, who closes the answer.

        Raises:
            APIError: the engine refused.
        """
        version = f"/v{self._version}" if versioned else ""
        response = self.request(
            method,
            f"{self.base_url}{version}{path}",
            params=params,
            headers=dict(headers or {}),
            data=data,
            json=json,
            stream=stream,
            timeout=None,
            allow_redirects=False,
        )
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            try:
                raise create_api_error_from_http_exception(error) from error
            finally:
                response.close()
        return response

    def dial(self, op: Operation) -> Wire:
        """A connection outside of the pool, for what takes one over."""
        wire = dial_session(self.endpoint, op)
        self._pool.remember(wire)
        return wire

    def cut(self) -> None:
        """End every call in flight."""
        self._pool.cut()


class Stream:
    """The body of an answer, piece by piece as it comes.

    Args:
        response: asked for with ``stream=True``.
        wire: what it comes over.
    """

    def __init__(self, response: requests.Response, wire: Wire | None) -> None:
        self.headers = response.headers
        self._response = response
        self._wire = wire

    def cut(self) -> None:
        """Make a blocked `pieces` end at once; does not block."""
        # Once it was read to its end, its connection may be another call's.
        if self._wire is not None and self._response.raw.connection is not None:
            self._wire.cut()

    def explain(self) -> BaseException | None:
        """Why it broke, where the connection knows."""
        return self._wire.explain() if self._wire is not None else None

    def pieces(self) -> Iterator[bytes]:
        """Bytes as they arrive, not gathered.

        Raises:
            requests.RequestException, urllib3.exceptions.HTTPError, OSError: it broke.
        """
        raw = self._response.raw
        if raw.chunked:
            yield from raw.stream(_PIECE, decode_content=False)
            return
        while piece := raw.read1(_PIECE):
            yield piece

    def close(self) -> None:
        """Release the connection, in whatever state it is."""
        self._response.close()


def version_of(response: requests.Response) -> str:
    """The newest API version that both sides know."""
    theirs = response.headers.get("Api-Version", "")
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
