"""`DockerApi`: requests to one engine that speaks the Docker API, whose failures become typed errors."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.engines.http.client import Response, Scope
from dvm_runtimes.engines.http.connection import Connection
from dvm_runtimes.engines.http.endpoint import Endpoint
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.operation import Operation

from .client import DockerClient, as_number, common_version
from .error_mapping import ErrorMapping, unavailable
from .profile import DockerProfile

M = TypeVar("M", bound=Callable[..., Any])

BROKEN = (OSError, EOFError)
"""What is raised when a connection breaks, or cannot be made."""


def step(method: M) -> M:
    """A method, or a function of a `DockerApi`, whose requests end with its operation and whose errors are typed."""

    @functools.wraps(method)
    def run(api: DockerApi, op: Operation, *args: Any, **kwargs: Any) -> Any:
        api.negotiate(op)
        with api.calling(op) as scope, api.typed(op, scope, _subject(args)):
            return method(api, op, *args, **kwargs)

    return cast("M", run)


def _subject(args: tuple[Any, ...]) -> str:
    first = args[0] if args else ""
    return first if isinstance(first, str) else str(getattr(first, "name", ""))


class DockerApi:
    """Requests to one engine that speaks the Docker API.

    Args:
        endpoint: where it listens.
        profile: which product it is.
    """

    def __init__(self, endpoint: Endpoint, profile: DockerProfile) -> None:
        self.address = endpoint
        self.profile = profile
        self.errors = ErrorMapping(profile)
        self._closed = False
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._negotiated = ""
        self._has_buildkit = False
        self._info: dict[str, Any] | None = None
        self._client = DockerClient(endpoint)

    @property
    def client(self) -> DockerClient:
        """The client of this process."""
        if self._pid != os.getpid():
            # After a fork: two processes must not speak over the same connections.
            with self._lock:
                if self._pid != os.getpid():
                    self._client = DockerClient(self.address)
                    self._client.api_version = self._negotiated or self._client.api_version
                    self._pid = os.getpid()
        return self._client

    def calling(self, op: Operation) -> AbstractContextManager[Scope]:
        """Requests within the block belong to ``op``."""
        if self._closed:
            raise self._was_closed(op)
        return self.client.scope(op)

    def typed(self, op: Operation, scope: Scope | None = None, subject: str = "") -> Typed:
        """Failures within the block become typed errors."""
        return Typed(self, op, scope, subject)

    def negotiate(self, op: Operation) -> None:
        """Choose the API's version, once."""
        if not self._negotiated:
            with self.calling(op) as scope, self.typed(op, scope):
                answer = self.client.ping()
                self._has_buildkit = has_buildkit(answer.headers)
                self.client.api_version = self._negotiated = common_version(answer)

    def forget_version(self) -> None:
        """Choose the API's version again with the next call."""
        self._negotiated, self._info = "", None

    def api_at_least(self, version: str) -> bool:
        """Whether that version of the API is spoken."""
        return as_number(self.client.api_version) >= as_number(version)

    def offers_buildkit(self, op: Operation) -> bool:
        """Whether the engine has BuildKit within."""
        self.negotiate(op)
        return self._has_buildkit and self.api_at_least("1.39")

    def broken(self, error: BaseException, operation: str, connection: Connection | Response | None = None) -> DvmError:
        """The typed error for a connection that broke."""
        if self._closed:
            return self._was_closed(None, operation)
        reason = connection.explain() if connection is not None else None
        return unavailable(reason or error, self.address, self.profile, operation=operation)

    def _was_closed(self, op: Operation | None, operation: str = "") -> RuntimeUnavailableError:
        return RuntimeUnavailableError(
            "this runtime was closed",
            hint="Create another one.",
            platform=self.profile.platform_name,
            operation=op.name if op is not None else operation,
        )

    def info(self, op: Operation) -> Mapping[str, Any]:
        """The answer to ``GET /info``, requested once."""
        if self._info is None:
            self.negotiate(op)
            with self.calling(op) as scope, self.typed(op, scope):
                self._info = self.client.get("/info")
        return self._info

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._client.cut()
            self._client.close()

    def stream(
        self,
        method: str,
        path: str,
        *parts: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        data: Iterable[bytes] | None = None,
    ) -> Response:
        """Open a request whose response is read as it comes; within a step.

        Raises:
            ApiError: an error response.
        """
        return self.client.call(method, path, *parts, params=params, headers=headers, data=data, stream=True)

    def pieces(self, op: Operation, stream: Response) -> Iterator[bytes]:
        """The body of an answer as it comes, until it ends or ``op`` does; closes it."""
        try:
            with op.aborting(stream.cut):
                yield from stream.pieces()
        except BROKEN as error:
            if op.aborted:
                raise op.abort_error(error) from error
            raise self.broken(error, op.name, stream) from error
        else:
            op.check()  # where only the connection's end ends the body, a cut looks like it
        finally:
            stream.close()


def has_buildkit(headers: Mapping[str, str]) -> bool:
    """Whether an engine that answered a ping with these headers has BuildKit within.

    moby reports it in ``Builder-Version`` since it is the default there (23.0);
    before, moby has it (since API 1.39) without reporting it.
    """
    return headers.get("Builder-Version") == "2" or headers.get("Server", "").startswith("Docker/")


class Typed:
    """Within its block, what the client raises becomes a typed error.

    Args:
        api: makes the errors.
        op: the call.
        scope: the call's connection.
        subject: the name of the container or image.
    """

    def __init__(self, api: DockerApi, op: Operation, scope: Scope | None, subject: str) -> None:
        self._api = api
        self._op = op
        self._scope = scope
        self._subject = subject

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: object) -> None:
        if isinstance(error, DvmError):
            error.operation = error.operation or self._op.name
        elif isinstance(error, ApiError):
            if error.status == 400 and "client version" in error.message:
                self._api.forget_version()  # another engine has taken this one's place
            raise self._api.errors.from_response(error, self._op.name, self._subject) from error
        elif isinstance(error, BROKEN):
            if self._op.aborted:
                raise self._op.abort_error(error) from error
            connection = self._scope.connection if self._scope is not None else None
            raise self._api.broken(error, self._op.name, connection) from error
