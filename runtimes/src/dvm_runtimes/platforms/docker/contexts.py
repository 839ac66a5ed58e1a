"""Docker's own contexts: engines that the user has given a name with ``docker context create``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from dvm_runtimes.discovery.machine import Machine, matches
from dvm_runtimes.engines.docker_api import Tls
from dvm_runtimes.engines.docker_api.provider import without_password

DEFAULT = "default"
"""Docker's name for the engine that is used without any context."""


class DockerContext(NamedTuple):
    """One context.

    Attributes:
        name: as ``docker context ls`` shows it.
        host: where its engine listens.
        tls: what proves who is who; None without.
    """

    name: str
    host: str
    tls: Tls | None = None


def config_folder(machine: Machine) -> Path:
    """Where Docker's command keeps its settings."""
    return Path(machine.env.get("DOCKER_CONFIG") or machine.home / ".docker")


def read_contexts(machine: Machine) -> list[DockerContext]:
    """Every context in the order of their names; those that cannot be read are left out, as Docker's command does."""
    folder = config_folder(machine) / "contexts" / "meta"
    found = (_read_context(file, machine) for file in matches(folder, "*/meta.json"))
    return sorted((one for one in found if one is not None), key=lambda one: one.name)


def current_context(machine: Machine) -> str:
    """The name of the context that the user has chosen, by variable or by ``docker context use``; empty for none."""
    name = machine.env.get("DOCKER_CONTEXT") or _read_json(config_folder(machine) / "config.json").get("currentContext")
    return name if isinstance(name, str) and name != DEFAULT else ""


def _read_context(file: Path, machine: Machine) -> DockerContext | None:
    meta = _read_json(file)
    name = meta.get("Name")
    endpoints = meta.get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(docker, dict) or not isinstance(name, str) or not name or not isinstance(host, str) or not host:
        return None
    import hashlib  # slow to load, and most users have no contexts

    verify = docker.get("SkipTLSVerify") is not True
    # Docker names the folder by the digest of the context's name.
    material = file.parents[2] / "tls" / hashlib.sha256(name.encode()).hexdigest() / "docker"
    tls = Tls.folder(material, verify=verify)
    return DockerContext(name, without_password(host), tls if not verify or tls.ca or tls.cert else None)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # Docker's command warns of a broken file and goes on without; it is not ours to mend
    return data if isinstance(data, dict) else {}
