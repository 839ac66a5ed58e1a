"""Finding a client of BuildKit on this machine."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_ASK_LIMIT = 10.0

# Where Docker's own command looks for its plugins, after the user's folder.
_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
    "/Applications/Docker.app/Contents/Resources/cli-plugins",
    "/Applications/OrbStack.app/Contents/MacOS/xbin",
)
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)")

RAW_SINCE = (0, 13)
"""The buildx that can tell its progress as JSON."""


@dataclass(frozen=True, slots=True)
class BuildTool:
    """A command that builds with BuildKit.

    Attributes:
        command: its first words.
        progress: how it tells its progress: ``"rawjson"`` or ``"plain"``.
        extra: words that only it takes.
    """

    command: tuple[str, ...]
    progress: str
    extra: tuple[str, ...] = ()


def find_tool() -> BuildTool | None:
    """The best one on this machine; None where there is none.

    buildx works without Docker's command. Before version 23, that command
    had BuildKit's client within.
    """
    config = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    for folder in (f"{config}/cli-plugins", *_PLUGIN_FOLDERS):
        plugin = Path(folder) / "docker-buildx"
        if os.access(plugin, os.X_OK) and (tool := _buildx(str(plugin))):
            return tool
    for name in ("docker-buildx", "buildx"):
        if (found := shutil.which(name)) and (tool := _buildx(found)):
            return tool
    docker = shutil.which("docker")
    if docker is not None and (18, 9) <= _version(docker, "--version") < (23, 0):
        return BuildTool((docker, "build"), "plain")
    return None


def _buildx(program: str) -> BuildTool | None:
    version = _version(program, "version")
    if version <= (0, 0):
        return None
    progress = "rawjson" if version >= RAW_SINCE else "plain"
    return BuildTool((program, "build", "--builder", "default"), progress, ("--load",))


@functools.lru_cache(maxsize=16)
def _version(program: str, word: str) -> tuple[int, int]:
    """The version that a program tells; (0, 0) where it tells none."""
    try:
        told = subprocess.run([program, word], capture_output=True, text=True, timeout=_ASK_LIMIT, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = _VERSION.search(told)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)
