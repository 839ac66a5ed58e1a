"""The HTTP client of the Docker API: its version, its query format, and `ping`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.engines.http.api_error import ApiError, ProtocolError
from dvm_runtimes.engines.http.client import Client, Response
from dvm_runtimes.operation import Operation

if TYPE_CHECKING:
    from dvm_runtimes.engines.http.connection import Connection
    from dvm_runtimes.engines.http.endpoint import Endpoint

OLDEST = "1.24"
NEWEST = "1.51"
"""The API versions that this code was written for; an older engine's own version is used before `NEWEST`."""


_ONCE = {"Connection": "close"}


class DockerClient(Client):
    """Requests to one engine that speaks the Docker API.

    Args:
        endpoint: the engine's address.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.api_version = OLDEST

    @property
    def api_version(self) -> str:
        """The version of the API that requests name in their path."""
        return self._api_version

    @api_version.setter
    def api_version(self, version: str) -> None:
        self._api_version = version
        self.base_path = f"/v{version}"

    def ping(self) -> Response:
        """Ask whether the engine answers; the headers have its API version."""
        return self.call("GET", "/_ping", base_path="")

    def encode_query(self, params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The API's own format: a flag is present or absent, an object is JSON."""
        for name, value in params.items():
            if value is True:
                yield name, 1
            elif isinstance(value, dict):
                yield name, json.dumps(value)
            elif value is not None and value is not False:
                yield name, value

    def _dial(self, op: Operation, *, session: bool = False) -> Connection:
        if self.endpoint.scheme != "ssh":
            return super()._dial(op, session=session)
        from .ssh import dial_ssh

        op.check()
        return dial_ssh(self.endpoint)


def common_version(response: Response) -> str:
    """The newest API version that both sides speak.

    Args:
        response: to `DockerClient.ping`.
    """
    version = response.headers.get("Api-Version", "")
    return negotiate(version) if version else OLDEST


def negotiate(engine_version: str) -> str:
    """The newest API version that both sides speak.

    >>> negotiate("1.41"), negotiate("1.99")
    ('1.41', '1.51')
    """
    return NEWEST if as_number(engine_version) > as_number(NEWEST) else engine_version


def as_number(version: str) -> tuple[int, ...]:
    """An API version that can be compared; ``(0,)`` for text that is none.

    >>> as_number("1.9") < as_number("1.41")
    True
    """
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        return (0,)


def server_and_version(header: str) -> tuple[str, str]:
    """The program and its version in a ``Server`` header.

    >>> server_and_version("Docker/26.1.5+dfsg1 (linux)")
    ('Docker', '26.1.5+dfsg1')
    """
    server, _, version = header.partition(" ")[0].partition("/")
    return server, version


class Pong(NamedTuple):
    """An engine's description of itself.

    Attributes:
        version: its own version, as in ``"26.1.5"``; empty where a proxy before it hides it.
        api_version: of the Docker API, as in ``"1.45"``.
        os: where its containers run, as in ``"linux"``; may be empty.
        server: the program that answers, as in ``"Docker"`` or ``"Libpod"``; may be empty.
    """

    version: str
    api_version: str = ""
    os: str = ""
    server: str = ""


def ping(endpoint: Endpoint, timeout: float) -> Pong:
    """Ask the engine at ``endpoint`` what it is.

    The headers of its answer to ``/_ping`` say it and cost it nothing; for
    ``/version`` some engines start programs. That is requested only where the
    headers lack something.

    Args:
        endpoint: its address.
        timeout: seconds for all of it: name resolution, connecting, asking.

    Raises:
        OSError, EOFError: it does not answer; `error_mapping.unavailable` explains it.
        ProtocolError: something else answers there.
    """
    client = DockerClient(endpoint)
    try:
        with Operation("ping", timeout=timeout) as op, client.scope(op) as scope:
            try:
                return _ask(client)
            except (OSError, EOFError) as error:
                reason = scope.connection.explain() if scope.connection is not None and not op.aborted else None
                if reason is not None:
                    raise reason from error
                raise
    finally:
        client.close()


def _ask(client: DockerClient) -> Pong:
    headers: Mapping[str, str] = {}
    try:
        headers = client.call("GET", "/_ping", base_path="", headers=_ONCE).headers
        pong = _from_headers(headers)
        if pong.version and pong.api_version:
            return pong
    except ApiError as error:
        headers = error.headers
    try:
        response = client.call("GET", "/version", base_path="", headers=_ONCE)
    except ApiError as error:
        pong = _from_headers(error.headers)
        if pong.api_version:
            return pong  # an engine behind a proxy that does not let /version pass
        raise ProtocolError(f"HTTP {error.status} without a version") from error
    pong, reported = _from_headers(response.headers), response.json()
    if isinstance(reported, dict) and isinstance(reported.get("Version"), str):
        api_version = str(reported.get("ApiVersion", pong.api_version))
        return Pong(reported["Version"], api_version, str(reported.get("Os", "")), pong.server)
    if pong.api_version:
        return pong
    raise ProtocolError("HTTP 200 without a version")


def _from_headers(headers: Mapping[str, str]) -> Pong:
    """``Server: Docker/26.1.5 (linux)`` and its like."""
    server, version = server_and_version(headers.get("Server", ""))
    return Pong(version, headers.get("Api-Version", ""), headers.get("Ostype", ""), server)
