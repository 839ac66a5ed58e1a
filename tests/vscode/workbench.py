"""What the extension's tests run in: Node, and a VS Code workbench that a browser can open."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engines import CACHE
from tests.engines.fixtures import REQUIRED
from tests.engines.namespaces import outside

EXTENSION = Path(__file__).parents[2] / "vscode-extension"
_INSTALL_LIMIT = 1500
_CACHES = {"XDG_CACHE_HOME": str(CACHE.parent), "npm_config_cache": str(CACHE.parent / "dvm-vscode" / "npm")}
"""As in the scripts: npm would have a folder of its own in the user's home."""


def cannot(reason: str) -> None:
    """Skip the test with this reason, or fail it where everything is required."""
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@functools.cache
def path_with_node() -> str:
    """This process's PATH, with Node before it; installed the first time, where this machine has another one."""
    env = {**os.environ, **_CACHES, "PYTHON": sys.executable}
    made = subprocess.run(
        [*outside(), EXTENSION / "scripts/node"],
        env=env,
        capture_output=True,
        text=True,
        timeout=_INSTALL_LIMIT,
        check=False,
    )
    if made.returncode == 3:
        cannot(f"VS Code extension: {made.stderr.strip().splitlines()[-1]}")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip() + os.environ["PATH"]


def need_node() -> None:
    """The pinned Node packages are there after this."""
    run(*outside(), "scripts/modules", timeout=_INSTALL_LIMIT)


def need_workbench() -> str:
    """The folder of a workbench; installed the first time."""
    env = {**os.environ, **_CACHES, "PATH": path_with_node()}
    made = subprocess.run(
        [*outside(), EXTENSION / "scripts/workbench"],
        env=env,
        capture_output=True,
        text=True,
        timeout=_INSTALL_LIMIT,
        check=False,
    )
    if made.returncode == 3:
        cannot(f"VS Code extension: {made.stderr.strip().splitlines()[-1]}")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def run(*command: str, timeout: float, env: dict[str, str] | None = None) -> str:
    """Run a command in the extension's folder; its output, which is in the failure when it fails."""
    done = subprocess.run(
        command,
        cwd=EXTENSION,
        env={**(os.environ if env is None else env), **_CACHES, "PATH": path_with_node()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}", pytrace=False)
    return done.stdout
