"""Parse the values of options: mounts, ports, wait strategies, variables, times and users."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.user.home import expand_home

if TYPE_CHECKING:
    from dvm_runtimes.options import Mount, Port
    from dvm_runtimes.waiting import WaitStrategy

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PORT = re.compile(
    r"(?:(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(?P<host>\d*):)?(?P<container>\d+)(?:/(?P<protocol>[a-z]+))?"
)


def mount(text: str) -> Mount:
    """Parse ``type=bind,src=PATH,dst=PATH,ro``, the syntax of ``docker run --mount``.

    >>> mount("type=volume,src=cache,dst=/cache").source
    'cache'
    """
    from dvm_runtimes.options import Mount

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
                raise InvalidOptionError("mounts", text, f"unknown part {part!r}", hint=_MOUNT_HINT)
    if "destination" not in fields:
        raise InvalidOptionError("mounts", text, "dst= is missing", hint=_MOUNT_HINT)
    if fields.get("type", "bind") == "bind" and "source" in fields:
        fields["source"] = local_path(fields["source"], "mounts")
    values: dict[str, Any] = fields
    return Mount(read_only=read_only, **values)


_MOUNT_HINT = (
    "Write type=bind,src=PATH,dst=PATH, type=volume,src=NAME,dst=PATH or type=tmpfs,dst=PATH; add ro for read-only."
)


def volume(text: str) -> Mount:
    """Parse ``SOURCE:DESTINATION[:ro]``. A source with a slash or a leading dot is a path, any other is a volume.

    >>> volume("cache:/var/cache:ro").type
    'volume'
    """
    from dvm_runtimes.options import Mount

    source, _, rest = text.partition(":")
    destination, *modes = rest.split(":")
    if not source or not destination or len(modes) > 1 or (modes and modes[0] not in ("ro", "rw")):
        raise InvalidOptionError("volumes", text, "write SOURCE:DESTINATION or SOURCE:DESTINATION:ro")
    read_only = modes == ["ro"]
    if source.startswith((".", "~")) or "/" in source:
        return Mount(local_path(source, "volumes"), destination, "bind", read_only)
    return Mount(source, destination, "volume", read_only)


def port(text: str) -> Port:
    """Parse ``[[IP:]HOST:]CONTAINER[/PROTOCOL]``. Without HOST the engine chooses a free port.

    >>> port("8080:80").host
    8080
    """
    from dvm_runtimes.options import Port

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
    """Parse ``log:PATTERN``, ``tcp:PORT``, ``http:PORT[/PATH]``, ``command:ARGV`` or ``healthy``.

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


def local_path(path: str, field: str) -> str:
    """Make a path of this machine absolute, as engines require. Symbolic links are kept.

    >>> local_path("/srv/shop/", "app_path")
    '/srv/shop'
    """
    return str(expand_home(path, field).absolute()) if path else path


def _split_quoted(text: str) -> list[str]:
    """Split at commas outside of double quotes, the CSV that ``docker run --mount`` reads."""
    import csv

    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise InvalidOptionError("mounts", text, f"cannot be split at its commas: {error}") from None


def environment(given: Sequence[str], field: str = "env") -> dict[str, str]:
    """Parse ``KEY=VALUE`` arguments; ``KEY`` alone takes the value from this process's environment.

    Args:
        given: the arguments.
        field: the option that holds them, for the error.

    Raises:
        InvalidOptionError: a lone name that is not set here.

    >>> environment(["A=1", "B="])
    {'A': '1', 'B': ''}
    """
    found = {}
    for argument in given:
        key, assigned, value = argument.partition("=")
        if not assigned:
            if key not in os.environ:
                raise InvalidOptionError(
                    field, key, "is not set in this environment", hint=f"Write {key}= for an empty value."
                )
            value = os.environ[key]
        found[key] = value
    return found


def pairs(given: Sequence[str], field: str, separator: str = "=") -> dict[str, str]:
    """Parse ``KEY=VALUE`` arguments; ``KEY`` alone has an empty value.

    >>> pairs(["team=shop", "draft"], "labels")
    {'team': 'shop', 'draft': ''}
    """
    found = {}
    for argument in given:
        key, _, value = argument.partition(separator)
        if not key:
            raise InvalidOptionError(field, argument, f"write KEY{separator}VALUE")
        found[key] = value
    return found


def duration(text: str) -> float:
    """Parse a duration into seconds: a number, or numbers with s, m, h or d.

    >>> duration("90"), duration("1h30m")
    (90.0, 5400.0)
    """
    found = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found or "".join(number + unit for number, unit in found) != text:
        raise click.BadParameter(
            f"'{text}' is not a duration; write seconds or units s, m, h, d, such as 90, 5m or 1h30m."
        )
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def moment(text: str) -> float:
    """Parse a point in time into seconds since the epoch.

    Args:
        text: seconds since the epoch, a duration before now, or an ISO 8601 date and time.

    >>> moment("2026-01-31T12:00:00Z")
    1769860800.0
    """
    import datetime

    if re.fullmatch(r"\d{9,}(\.\d+)?", text):
        return float(text)
    try:
        # A time without a zone is in the user's own.
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    try:
        return max(0.0, time.time() - duration(text))
    except click.BadParameter:
        raise click.BadParameter(
            f"'{text}' is neither a duration (10m) nor a date and time (2026-01-31T12:00:00Z)."
        ) from None


def user_numbers(text: str) -> tuple[int, int | None]:
    """Parse ``UID`` or ``UID:GID``.

    >>> user_numbers("1000:1000")
    (1000, 1000)
    """
    match = re.fullmatch(r"(\d{1,10})(?::(\d{1,10}))?", text)
    if match is None:
        raise click.BadParameter(f"'{text}' is not UID or UID:GID; user names are not supported.")
    return int(match[1]), None if match[2] is None else int(match[2])


def user_fields(user: tuple[int, int | None] | None) -> dict[str, Any]:
    """The value of ``--user`` as the fields ``uid`` and ``gid``."""
    return {} if user is None else {"uid": user[0], "gid": user[1]}
