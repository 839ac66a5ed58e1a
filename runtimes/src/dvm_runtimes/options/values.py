"""Values that options are made of: `Mount` and `Port`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.validation.fields import check_choice, check_container_path, set_field
from dvm_runtimes.validation.naming import check_container_name


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a workspace.

    Attributes:
        source: a host path (bind), a volume's name (volume), or empty (tmpfs).
        destination: an absolute path in the container, not ``/``.
        type: ``"bind"``, ``"volume"`` or ``"tmpfs"``.
        read_only: the container may not write to it.

    >>> Mount("/home/ada/shop", "/workspace").type
    'bind'
    """

    source: str = ""
    destination: str = ""
    type: Literal["bind", "volume", "tmpfs"] = "bind"
    read_only: bool = False

    def __post_init__(self) -> None:
        check_choice("mounts.type", self.type, ("bind", "volume", "tmpfs"))
        set_field(self, "source", os.fspath(self.source))
        check_container_path("mounts.destination", self.destination)
        if os.path.normpath(self.destination) == "/":
            raise InvalidOptionError(
                "mounts.destination", self.destination, "the container's root cannot be mounted over"
            )
        if self.type == "tmpfs" and self.source:
            raise InvalidOptionError("mounts.source", self.source, "a tmpfs has no source")
        if self.type == "volume":
            if not self.source:
                raise InvalidOptionError("mounts.source", self.source, "a volume's name is needed")
            check_container_name(self.source, "mounts.source")
        if self.type == "bind" and not self.source.strip():
            raise InvalidOptionError("mounts.source", self.source, "a path on this machine is needed")


@dataclass(frozen=True, slots=True)
class Port:
    """One published port.

    Attributes:
        container: the port inside, 1 to 65535.
        host: the port on the host; None lets the engine choose a free one.
        host_ip: the host address; loopback by default, so that nobody else reaches it.
        protocol: ``"tcp"`` or ``"udp"``.
    """

    container: int
    host: int | None = None
    host_ip: str = "127.0.0.1"
    protocol: Literal["tcp", "udp"] = "tcp"

    def __post_init__(self) -> None:
        for name, value in (("ports.container", self.container), ("ports.host", self.host)):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
                raise InvalidOptionError(name, value, "must be a port from 1 to 65535")
        check_choice("ports.protocol", self.protocol, ("tcp", "udp"))
        import ipaddress

        try:
            ipaddress.ip_address(self.host_ip)
        except ValueError:
            raise InvalidOptionError("ports.host_ip", self.host_ip, "must be an IP address") from None

    @property
    def key(self) -> str:
        """The port as engines write it, as in ``"8080/tcp"``."""
        return f"{self.container}/{self.protocol}"
