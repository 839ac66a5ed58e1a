"""Podman's own connections: engines that the user has given a name with ``podman system connection add``."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.engines.docker_api.provider import without_password


class Connection(NamedTuple):
    """One connection.

    Attributes:
        name: as ``podman system connection list`` shows it.
        uri: where its engine listens.
        identity: the key for ssh; empty for the user's own.
        machine: whether ``podman machine`` made it for a VM of its own.
        default: whether it is what Podman's command uses when it is not told.
    """

    name: str
    uri: str
    identity: str = ""
    machine: bool = False
    default: bool = False


def read_connections(machine: Machine) -> list[Connection]:
    """Every connection in the order of their names, from both of the files that Podman keeps them in."""
    found: dict[str, Any] = {}
    default = ""
    for file in _settings_files(machine):
        engine = _table(_read_toml(file).get("engine"))
        found |= _table(engine.get("service_destinations"))
        default = _text(engine.get("active_service")) or default
    stored = _table(_read_json(_connections_file(machine)).get("Connection"))
    found |= _table(stored.get("Connections"))
    default = _text(stored.get("Default")) or default
    made = (_connection(name, _table(entry), default) for name, entry in sorted(found.items()))
    return [one for one in made if one.uri]


def _connection(name: str, entry: dict[str, Any], default: str) -> Connection:
    # Podman 5 writes JSON with capitals, older ones TOML without.
    values = {key.lower(): value for key, value in entry.items()}
    return Connection(
        name=name,
        uri=without_password(_text(values.get("uri"))),
        identity=_text(values.get("identity")),
        machine=values.get("ismachine") is True or values.get("is_machine") is True,
        default=name == default,
    )


def _settings_files(machine: Machine) -> list[Path]:
    if given := machine.env.get("CONTAINERS_CONF"):
        return [Path(given)]
    places = ("/usr/share/containers", "/etc/containers")
    return [*(machine.path(f"{place}/containers.conf") for place in places), _own_folder(machine) / "containers.conf"]


def _connections_file(machine: Machine) -> Path:
    given = machine.env.get("PODMAN_CONNECTIONS_CONF")
    return Path(given) if given else _own_folder(machine) / "podman-connections.json"


def _own_folder(machine: Machine) -> Path:
    return Path(machine.env.get("XDG_CONFIG_HOME") or os.fspath(machine.home / ".config")) / "containers"


_SPEAKS_OF_CONNECTIONS = re.compile(r"^[^#\n]*(service_destinations|active_service)", re.MULTILINE)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        if not _SPEAKS_OF_CONNECTIONS.search(text):
            return {}  # the usual file; the parser takes longer to load than a short call may
        import tomllib

        return tomllib.loads(text)
    except (OSError, ValueError):
        return {}  # missing, or Podman's own command tells of it; it is not ours to mend


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return _table(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}  # the same


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
