"""The user's Docker configuration, ``config.json``: its content, and the proxies that it sets for containers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .home import home_folder

_PROXY_VARIABLES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "ftpProxy": "FTP_PROXY",
    "noProxy": "NO_PROXY",
    "allProxy": "ALL_PROXY",
}


def config_file() -> Path:
    """``config.json`` in ``$DOCKER_CONFIG``, else in ``~/.docker``; it may not exist."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else home_folder() / ".docker") / "config.json"


def read_config() -> Mapping[str, Any]:
    """The content of `config_file`; empty if there is none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not JSON.
    """
    try:
        data = json.loads(config_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return data if isinstance(data, dict) else {}


def proxies(endpoint: str) -> dict[str, str]:
    """The proxy variables of builds and containers, in upper and in lower case, as ``docker`` sets them.

    Args:
        endpoint: the engine's address, as in ``"tcp://10.0.0.7:2375"``; ``proxies`` may have an entry for it.
    """
    try:
        entries = read_config().get("proxies")
    except (OSError, ValueError):
        return {}  # whatever needs a registry reports it
    if not isinstance(entries, dict):
        return {}
    entry = entries.get(endpoint, entries.get("default"))
    if not isinstance(entry, dict):
        return {}
    values = {name: str(entry[key]) for key, name in _PROXY_VARIABLES.items() if entry.get(key)}
    return values | {name.lower(): value for name, value in values.items()}
