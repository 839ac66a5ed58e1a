"""Mounts, ports and wait strategies as people write them on a command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.options import Mount, Port

if TYPE_CHECKING:
    from dvm_runtimes.waiting import WaitStrategy

_PORT = re.compile(
    r"(?:(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(?P<host>\d*):)?(?P<container>\d+)(?:/(?P<protocol>[a-z]+))?"
)


def mount(text: str) -> Mount:
    """``type=bind,src=PATH,dst=PATH,ro`` as ``docker run --mount`` has it.

    >>> mount("type=volume,src=cache,dst=/cache").source
    'cache'
    """
    fields: dict[str, str] = {}
    read_only = False
    for part in _split_quoted(text):
        key, assigned, value = part.partition("=")
        match key.strip().lower():
            case "type":
                fields["type"] = value
            case "src" | "source":
                fields["source"] = value
            case "dst" | "destination" | "target":
                fields["destination"] = value
            case "ro" | "readonly" | "read_only" if not assigned or value in ("true", "1", "false", "0"):
                read_only = value not in ("false", "0")
            case _:
                raise InvalidOptionError("mounts", text, f"{part!r} is not known", hint=_MOUNT_HINT)
    if "destination" not in fields:
        raise InvalidOptionError("mounts", text, "dst= is missing", hint=_MOUNT_HINT)
    if fields.get("type", "bind") == "bind" and "source" in fields:
        fields["source"] = local_path(fields["source"])
    values: dict[str, Any] = fields
    return Mount(read_only=read_only, **values)


_MOUNT_HINT = (
    "Write type=bind,src=PATH,dst=PATH, type=volume,src=NAME,dst=PATH or type=tmpfs,dst=PATH, and ro if wanted."
)


def volume(text: str) -> Mount:
    """``SOURCE:DESTINATION[:ro]``: a source with a slash or a leading dot is a path, any other a volume's name.

    >>> volume("cache:/var/cache:ro").type
    'volume'
    """
    source, _, rest = text.partition(":")
    destination, *modes = rest.split(":")
    if not source or not destination or len(modes) > 1 or (modes and modes[0] not in ("ro", "rw")):
        raise InvalidOptionError("volumes", text, "write SOURCE:DESTINATION or SOURCE:DESTINATION:ro")
    read_only = modes == ["ro"]
    if source.startswith((".", "~")) or "/" in source:
        return Mount(local_path(source), destination, "bind", read_only)
    return Mount(source, destination, "volume", read_only)


def port(text: str) -> Port:
    """``[[IP:]HOST:]CONTAINER[/PROTOCOL]``; without HOST the engine chooses one.

    >>> port("8080:80").host
    8080
    """
    match = _PORT.fullmatch(text)
    if match is None:
        raise InvalidOptionError("ports", text, "write CONTAINER, HOST:CONTAINER or IP:HOST:CONTAINER, such as 8080:80")
    found: Mapping[str, Any] = {
        "host": int(match["host"]) if match["host"] else None,
        **({"host_ip": match["ip"].strip("[]")} if match["ip"] else {}),
        **({"protocol": match["protocol"]} if match["protocol"] else {}),
    }
    return Port(int(match["container"]), **found)


def ready(text: str) -> WaitStrategy:
    """``log:PATTERN``, ``tcp:PORT``, ``http:PORT[/PATH]``, ``command:ARGV`` or ``healthy``.

    >>> str(ready("http:8080/health"))
    'HTTP 200 from port 8080/health'
    """
    from dvm_runtimes.waiting import Command, HealthCheck, Http, LogLine, TcpPort

    kind, _, value = text.partition(":")
    match kind:
        case "log" if value:
            return LogLine(value)
        case "tcp" if value.isdecimal():
            return TcpPort(int(value))
        case "http" if found := re.fullmatch(r"(\d+)(/.*)?", value):
            return Http(int(found[1]), found[2] or "/")
        case "command" if value.strip():
            return Command(argv(value, "ready"))
        case "healthy" if not value:
            return HealthCheck()
    raise InvalidOptionError("ready", text, "write log:PATTERN, tcp:PORT, http:PORT/PATH, command:ARGV or healthy")


def argv(text: str, field: str) -> list[str]:
    """Split a command line into its arguments, as a shell does.

    Args:
        text: the command line.
        field: the option that holds it, for the error.

    >>> argv("sh -c 'exec sleep 5'", "command")
    ['sh', '-c', 'exec sleep 5']
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidOptionError(field, text, f"cannot be split into arguments: {str(error).lower()}") from None


def local_path(path: str) -> str:
    """A path of this machine, absolute: engines take no other. Links are left for the mount rules to follow.

    >>> local_path("/srv/shop/")
    '/srv/shop'
    """
    return str(Path(path).expanduser().absolute()) if path else path


def _split_quoted(text: str) -> list[str]:
    """At commas, but not within double quotes: the CSV that ``docker run --mount`` reads."""
    import csv

    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise InvalidOptionError("mounts", text, f"cannot be split at its commas: {error}") from None
