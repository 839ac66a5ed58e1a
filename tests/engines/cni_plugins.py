"""The folder of CNI plugins of one engine: Debian's, behind programs of ours that leave no trace on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.engines import cni_networks, cni_ports

PLUGINS = Path("/usr/lib/cni")
PACKAGE = "containernetworking-plugins"


def put(folder: Path) -> Path:
    """Put the plugins of the engine of ``folder`` in it; where they are."""
    plugins = folder / "plugins"
    plugins.mkdir()
    for plugin in PLUGINS.iterdir():
        (plugins / plugin.name).symlink_to(plugin)
    for name in ("bridge", "firewall"):
        _write(plugins / name, f"{cni_networks.__file__} {PLUGINS / name} {folder}/links")
    _write(plugins / "portmap", f"{cni_ports.__file__} {folder}/ports")
    return plugins


def _write(plugin: Path, words: str) -> None:
    plugin.unlink(missing_ok=True)
    plugin.write_text(f"#!/bin/sh\nexec {sys.executable} -I {words}\n")
    plugin.chmod(0o755)
