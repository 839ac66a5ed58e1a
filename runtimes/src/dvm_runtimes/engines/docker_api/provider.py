"""`DockerApiProvider`: the base of the platforms that are driven over the Docker API."""

from __future__ import annotations

import dataclasses
import re
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_runtimes.discovery.provider import Machine, PlatformProvider, Probe
from dvm_runtimes.engines.http.endpoint import Endpoint
from dvm_runtimes.errors import InvalidOptionError, LocalFileError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform

from .client import ping
from .error_mapping import unavailable
from .profile import DockerProfile

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime


SSH_LEAST = 1.0
"""Seconds; with less, an engine behind ssh is not asked."""


class DockerApiProvider(PlatformProvider):
    """A platform that knows its endpoint and its profile; the rest is the same for all."""

    @abstractmethod
    def endpoint(self, platform: Platform, machine: Machine) -> Endpoint:
        """Its address, with the certificates and options that it needs."""

    @abstractmethod
    def profile(self, platform: Platform, machine: Machine) -> DockerProfile:
        """Its name, place and hints."""

    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        try:
            endpoint = self.endpoint(platform, machine)
        except InvalidOptionError as error:
            return Probe(problem=f"has an address that cannot be used: {error.problem}", hint=error.hint)
        return probe(endpoint, self.profile(platform, machine), timeout)

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        """The runtime that drives it.

        Args:
            platform, machine: as `find` or `select` gave it.
            overrides: ``endpoint``, the address of another engine of the same product.
        """
        address = overrides.pop("endpoint", None)
        timeout = overrides.pop("timeout", None)
        for key, value in overrides.items():
            raise InvalidOptionError(key, value, "there is no such option", hint="Platforms take `endpoint`.")
        if address is not None:
            platform = dataclasses.replace(platform, endpoint=str(address))
        return self.connect(self.endpoint(platform, machine), self.profile(platform, machine), timeout)

    def connect(self, endpoint: Endpoint, profile: DockerProfile, timeout: float | None) -> ContainerRuntime:
        """The runtime at this endpoint, which has answered once."""
        from . import CONNECT_LIMIT, connect

        return connect(endpoint, profile, timeout=CONNECT_LIMIT if timeout is None else timeout)


def probe(endpoint: Endpoint, profile: DockerProfile, timeout: float) -> Probe:
    """The engine's version, or why it does not answer, in this product's terms; see `PlatformProvider.probe`."""
    if endpoint.scheme == "ssh" and timeout < SSH_LEAST:
        # Its handshakes alone take longer, and a key may need its user's consent.
        return Probe(
            problem="is not asked in passing, for it is behind ssh",
            hint=f"Check that `ssh {endpoint.host} docker version` works without a password.",
            silent=True,
        )
    try:
        return Probe(version=ping(endpoint, timeout).version)
    except LocalFileError as error:
        return Probe(problem=f"cannot be asked: {error.message}", hint=error.hint or "Check DOCKER_CERT_PATH.")
    except (OSError, EOFError) as error:
        explained = unavailable(error, endpoint, profile)
        problem = explained.message.removeprefix(profile.platform_name).strip()
        return Probe(problem=problem, hint=explained.hint, silent=isinstance(error, TimeoutError))


def no_such_profile(name: str, profile: str, known: Iterable[str]) -> RuntimeUnavailableError:
    """The error for a profile that there is not.

    Args:
        name: what people call the platform.
        profile: what was asked for.
        known: those there are.
    """
    import difflib

    names = sorted(set(known))
    close = difflib.get_close_matches(profile, names, 1)
    maybe = f" Did you mean {close[0]!r}?" if close else ""
    return RuntimeUnavailableError(
        f"{name} has no {profile!r}",
        hint=f"There are: {', '.join(names)}.{maybe}" if names else "Leave out the colon and what follows it.",
        platform=name,
        operation="create_runtime",
    )


def without_password(url: str) -> str:
    """An address that may be shown; one with a password is none that can be used, and says so without it.

    >>> without_password("tcp://ada:secret@10.0.0.7:2375")
    'tcp://ada:***@10.0.0.7:2375'
    """
    return re.sub(r"(://[^/@]*?):[^/@]*@", r"\1:***@", url)


def runtime_folder(machine: Machine) -> Path:
    """Where the user's own daemons put their sockets: ``$XDG_RUNTIME_DIR``, as in ``/run/user/1000``."""
    return Path(machine.env.get("XDG_RUNTIME_DIR") or machine.path(f"/run/user/{machine.uid}"))
