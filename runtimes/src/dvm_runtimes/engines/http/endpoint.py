"""Where an engine listens: ``unix://``, ``tcp://`` (with TLS or without) or ``ssh://``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from dvm_runtimes.errors import InvalidOptionError

PLAIN_PORT = 2375
TLS_PORT = 2376

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.:%-]*)")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+\\-]*")


class Tls(NamedTuple):
    """How TLS identifies the server and this client.

    Attributes:
        ca: a file of trusted certificates; None trusts the system's.
        cert, key: files that prove who we are; None where the engine does not ask.
        verify: False accepts any certificate, as ``docker --tls`` does.
        server_name: the name that the server's certificate must have; empty for the endpoint's host.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    verify: bool = True
    server_name: str = ""

    @classmethod
    def folder(cls, path: str | os.PathLike[str], *, verify: bool = True) -> Tls:
        """The ``ca.pem``, ``cert.pem``, ``key.pem`` of a folder such as ``$DOCKER_CERT_PATH``; each may be missing."""

        def existing(name: str) -> Path | None:
            file = Path(path) / name
            return file if file.is_file() else None

        return cls(ca=existing("ca.pem"), cert=existing("cert.pem"), key=existing("key.pem"), verify=verify)


class Endpoint(NamedTuple):
    """One address of an engine, taken apart. Made by `parse`.

    Attributes:
        url: as its user wrote it.
        scheme: ``"unix"``, ``"tcp"`` or ``"ssh"``.
        path: the socket's path: on this machine for unix, on the other one for ssh (empty for its default).
        host, port, user: for tcp and ssh; port 0 is ssh's own default.
        tls: for tcp only; None speaks in the clear.
        ssh_options: arguments for ssh before the host, as in ``("-F", "/home/ada/.lima/vm/ssh.config")``.
    """

    url: str
    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    tls: Tls | None = None
    ssh_options: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls, url: str, *, tls: Tls | None = None, ssh_options: tuple[str, ...] = (), field: str = "endpoint"
    ) -> Endpoint:
        """The endpoint that a ``DOCKER_HOST`` names.

        Args:
            url: ``unix:///path``, ``tcp://host[:port]``, ``http(s)://host[:port]``, ``ssh://[user@]host[:port][/socket]``,
                or just the path of a socket.
            tls: for tcp; ``https://`` without it trusts the system's certificates.
            ssh_options: arguments for ssh before the host.
            field: the option's name, for the error.

        Raises:
            InvalidOptionError: it is none of these.

        >>> Endpoint.parse("unix:///var/run/docker.sock").path
        '/var/run/docker.sock'
        """
        text = url.strip()
        if text.startswith("/"):
            return cls(url=f"unix://{text}", scheme="unix", path=text)
        scheme, separator, rest = text.partition("://")
        scheme = scheme.lower()
        if separator and scheme == "unix":
            path = unquote(rest)
            if not path or "\0" in path:
                raise InvalidOptionError(
                    field, url, "the path of a socket is needed, as in unix:///var/run/docker.sock"
                )
            return cls(url=text, scheme="unix", path=path if path.startswith("/") else f"/{path}")
        if separator and scheme == "npipe":
            raise InvalidOptionError(
                field,
                url,
                "named pipes of Windows are not supported",
                hint="Run inside WSL, where the engine has a socket.",
            )
        if not separator or scheme not in ("tcp", "http", "https", "ssh"):
            raise InvalidOptionError(field, url, "write unix:///path, tcp://host:port or ssh://user@host")
        try:
            parts = urlsplit(f"{scheme}://{rest}")
            host, port, user = parts.hostname or "", parts.port or 0, unquote(parts.username or "")
        except ValueError:
            raise InvalidOptionError(field, url, "the host or the port is not valid") from None
        # A host or user that begins with a hyphen would be an option to ssh.
        if not _HOST.fullmatch(host) or (user and not _USER.fullmatch(user)):
            raise InvalidOptionError(field, url, "the host is not valid")
        if parts.password is not None:
            raise InvalidOptionError(field, f"{scheme}://{host}", "a password cannot be part of an address")
        if scheme == "ssh":
            path = unquote(parts.path).rstrip("/")
            return cls(
                url=text, scheme="ssh", path=path, host=host, port=port, user=user, ssh_options=tuple(ssh_options)
            )
        if parts.path.strip("/") or parts.query:
            raise InvalidOptionError(field, url, "an address of an engine has no path")
        if scheme == "https" and tls is None:
            tls = Tls()
        return cls(url=text, scheme="tcp", host=host, port=port or (TLS_PORT if tls else PLAIN_PORT), tls=tls)

    @property
    def http_host(self) -> str:
        """What goes into ``Host:``; engines ignore it, proxies before them may not."""
        if self.scheme != "tcp":
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return self.url
