"""What the extension's tests run in: Node, and a VS Code workbench that a browser can open."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.engines.fixtures import REQUIRED

EXTENSION = Path(__file__).parents[2] / "vscode-extension"
_NODE = 20
_INSTALL_LIMIT = 1500


def cannot(reason: str) -> None:
    """Skip the test with this reason, or fail it where everything is required."""
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def need_node() -> None:
    """The pinned Node packages are there after this."""
    if shutil.which("npm") is None:
        cannot(f"VS Code extension: Node {_NODE} and npm are not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < _NODE:
        cannot(f"VS Code extension: Node {_NODE} or newer is needed, not {version.strip()}")
    run("scripts/modules", timeout=_INSTALL_LIMIT)


def need_workbench() -> str:
    """The folder of a workbench; installed the first time."""
    made = subprocess.run(
        [EXTENSION / "scripts/workbench"], capture_output=True, text=True, timeout=_INSTALL_LIMIT, check=False
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
        env=env,
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
