"""The VS Code extension: its own tests, its package, and a user's sessions in a real workbench."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest
from tests.engines.namespaces import outside
from tests.engines.registry import RunningEngine
from tests.vscode.workbench import EXTENSION, need_node, need_workbench, run

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def node() -> None:
    need_node()


@pytest.fixture(scope="module")
def vsix(node: None) -> Path:
    """The packaged extension, as users install it."""
    for old in EXTENSION.glob("*.vsix"):
        old.unlink()
    run(*outside(), "scripts/package", timeout=600, env={**os.environ, "PYTHON": sys.executable})
    (made,) = EXTENSION.glob("*.vsix")
    return made


@pytest.mark.usefixtures("node")
def test_types_and_style() -> None:
    run("npm", "run", "check", timeout=300)


@pytest.mark.usefixtures("node")
def test_without_an_editor() -> None:
    output = run("npm", "test", timeout=900, env={**os.environ, "DVM_TEST_PYTHON": sys.executable})
    assert "passed" in output


def test_the_lock_file_has_no_addresses() -> None:
    assert '"resolved"' not in (EXTENSION / "package-lock.json").read_text(encoding="utf-8")


def test_the_package_has_what_it_needs_and_nothing_else(vsix: Path) -> None:
    with zipfile.ZipFile(vsix) as archive:
        names = archive.namelist()
    for needed in ("dist/extension.js", "bundled/libs/dvm_server/__main__.py", "bundled/libs/dvm_runtimes/py.typed"):
        assert f"extension/{needed}" in names
    below = {name.split("/")[1] for name in names if name.startswith("extension/")}
    assert below <= {
        "bundled",
        "dist",
        "images",
        "walkthrough",
        "package.json",
        "readme.md",
        "changelog.md",
        "LICENSE.txt",
    }
    # One file serves every machine, and no test or source map travels with it.
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc", ".map", ".ts"))]


@pytest.mark.long("`make vscode-test` does too: a user's sessions in a real workbench")
@pytest.mark.parametrize("session", ["docker", "colima", "folders"])
@pytest.mark.usefixtures("vsix")
def test_session(session: str, private_docker_engine: RunningEngine) -> None:
    workbench = need_workbench()
    env = private_docker_engine.environment()
    # The engine is told to the editor by each session itself, where it wants one.
    for name in [name for name in env if name.startswith("DOCKER_")]:
        del env[name]
    env |= {
        "DVM_E2E_WORKBENCH": workbench,
        "DVM_E2E_DOCKER": private_docker_engine.endpoint,
        "DVM_E2E_IMAGE": private_docker_engine.image,
        # Not this environment's own Python: that one has our packages installed.
        "DVM_E2E_PYTHON": str(Path(sys.base_prefix) / "bin" / "python3"),
    }
    run("npx", "vitest", "run", "--config", "e2e/vitest.config.mjs", f"{session}.e2e.ts", timeout=1200, env=env)
