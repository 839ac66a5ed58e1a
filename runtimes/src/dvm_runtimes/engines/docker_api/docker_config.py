"""Credentials from the user's Docker configuration: those that ``docker login`` or a credential helper stored."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dvm_runtimes.operation import Operation
from dvm_runtimes.user.docker_config import config_file, read_config

_TOKEN = "<token>"  # noqa: S105 -- in place of a user name, the secret is an identity token
_LONGEST_REASON = 200


class Credentials(NamedTuple):
    """What the configuration has for a request to the engine.

    Attributes:
        values: the object of ``X-Registry-Auth`` or ``X-Registry-Config``; empty for none.
        problem: the parts of the configuration that could not be used, and why; empty if there were none.
    """

    values: dict[str, Any]
    problem: str = ""


class _UnusableError(Exception):
    """A part of the configuration that cannot be used; the message is for the user."""


def untagged(name: str) -> str:
    """An image's name without its tag.

    >>> untagged("localhost:5000/app:1")
    'localhost:5000/app'
    """
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def credentials(name: str, op: Operation) -> Credentials:
    """The credentials for the registry of one image.

    Raises:
        DvmError: ``op`` was aborted while a credential helper ran, which is ended.
    """
    from docker import auth
    from docker.errors import DockerException

    config = _Configuration()
    try:
        registry, _ = auth.resolve_repository_name(untagged(name.partition("@")[0]))
    except DockerException:
        return Credentials({})  # the engine refuses the name
    found: Mapping[str, Any] | None = None
    if helper := config.helper_of(auth.INDEX_URL if registry == auth.INDEX_NAME else registry):
        with config.noting():
            found = _from_helper(op, helper, auth.INDEX_URL if registry == auth.INDEX_NAME else registry)
    found = found or auth.AuthConfig({"auths": config.auths}).resolve_authconfig(registry) or {}
    return Credentials({key: value for key, value in found.items() if value is not None}, config.problem)


def every_credential(op: Operation) -> Credentials:
    """The credentials for every registry, for builds, whose base images may be anywhere.

    Raises:
        DvmError: ``op`` was aborted while a credential helper ran, which is ended.
    """
    from docker.auth import convert_to_hostname

    config = _Configuration()
    values = dict(config.auths)
    servers: list[tuple[str, str]] = []
    if config.store:
        with config.noting():
            servers += [(server, config.store) for server in _run_helper(op, config.store, "list", "") or ()]
    servers += config.helpers.items()
    failed: set[str] = set()
    for server, helper in servers:
        if helper in failed:
            continue
        failed.add(helper)
        with config.noting():
            entry = _from_helper(op, helper, server)
            failed.discard(helper)
            if entry is not None:
                values[server] = values[convert_to_hostname(server)] = dict(entry)
    return Credentials(values, config.problem)


class _Configuration:
    """The parts of config.json about registries; one that cannot be used does not drop the others."""

    def __init__(self) -> None:
        self._problems: list[str] = []
        self.auths: dict[str, dict[str, Any]] = {}
        data: Mapping[str, Any] = {}
        with self.noting():
            data = _read()
        self.store = str(data.get("credsStore") or "")
        helpers = data.get("credHelpers")
        self.helpers = {str(key): str(value) for key, value in helpers.items()} if isinstance(helpers, dict) else {}
        entries = data.get("auths")
        for registry, entry in entries.items() if isinstance(entries, dict) else ():
            with self.noting():
                self.auths |= _parse_entry(registry, entry)

    @property
    def problem(self) -> str:
        return "; ".join(self._problems)

    def helper_of(self, server: str) -> str:
        """The credential helper for a registry; empty for none."""
        return self.helpers.get(server) or self.store

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Within the block, what cannot be used is noted as a problem."""
        try:
            yield
        except _UnusableError as error:
            self._problems.append(str(error))


def _read() -> Mapping[str, Any]:
    try:
        return read_config()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise _UnusableError(f"{config_file()} cannot be used: {reason}") from error


def _parse_entry(registry: str, entry: Any) -> dict[str, dict[str, Any]]:
    from docker import auth
    from docker.errors import DockerException

    try:
        parsed: dict[str, dict[str, Any]] = auth.AuthConfig.parse_auth({registry: entry}, raise_on_error=True)
    except (DockerException, ValueError, TypeError) as error:
        raise _UnusableError(f"the entry of {registry} in config.json is broken") from error
    return {key: value for key, value in parsed.items() if value}


def _from_helper(op: Operation, name: str, server: str) -> Mapping[str, Any] | None:
    data = _run_helper(op, name, "get", server)
    if not isinstance(data, dict) or not (data.get("Username") or data.get("Secret")):
        return None
    if data.get("Username") == _TOKEN:
        return {"ServerAddress": server, "IdentityToken": data.get("Secret")}
    return {"ServerAddress": server, "Username": data.get("Username"), "Password": data.get("Secret")}


def _run_helper(op: Operation, name: str, action: str, server: str) -> Any:
    """The JSON that a credential helper prints; None where it has nothing for ``server``."""
    import subprocess  # slow to load, and most calls need no credentials

    program = f"docker-credential-{name}"
    try:
        # In the session of this process: it may ask its user on the terminal.
        process = subprocess.Popen(
            [program, action],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except FileNotFoundError as error:
        raise _UnusableError(f"the credential helper {program} is not on the PATH") from error
    except OSError as error:
        raise _UnusableError(f"the credential helper {program} cannot be started: {error.strerror}") from error

    def end() -> None:
        with contextlib.suppress(OSError):
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)

    try:
        with op.aborting(end):
            output, _ = process.communicate(server.encode())
    finally:
        if process.poll() is None:
            end()
            process.wait()
    op.check()
    text = output.decode(errors="replace").strip()
    if process.returncode:
        if "credentials not found" in text:
            return None
        reason = text[:_LONGEST_REASON] if text and "Secret" not in text else f"exit code {process.returncode}"
        raise _UnusableError(f"the credential helper {program} failed: {' '.join(reason.split())}")
    try:
        return json.loads(text)
    except ValueError as error:
        raise _UnusableError(f"the credential helper {program} printed no JSON") from error
