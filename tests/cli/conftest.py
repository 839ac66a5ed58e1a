"""The command on its mock, and on a real engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .process import Dvm

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine


@pytest.fixture
def alone(tmp_path: Path) -> Dvm:
    """The command on a machine without any engine, as far as it can see."""
    home = tmp_path / "home"
    home.mkdir()
    keep = ("PATH", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    env = {key: os.environ[key] for key in keep if key in os.environ}
    env |= {
        "HOME": str(home),
        "DOCKER_HOST": f"unix://{home}/nobody.sock",
        "CONTAINER_HOST": f"unix://{home}/none.sock",
    }
    return Dvm({**env, "CONTAINERD_ADDRESS": f"{home}/nothing.sock", "KUBECONFIG": f"{home}/none"}, tmp_path)


@pytest.fixture
def dvm(docker_engine: RunningEngine, tmp_path: Path) -> Iterator[Dvm]:
    """The command on a real Docker Engine; what a test makes by a `Dvm.name` is removed at its end."""
    command = Dvm(docker_engine.environment(), tmp_path)
    yield command
    there = {row[0] for row in command("ls").lines}
    if left := [f"dvm-{name}" for name in command.made if f"dvm-{name}" in there]:
        command("rm", "--force", "--volumes", *left)


@pytest.fixture
def image(docker_engine: RunningEngine) -> str:
    """An image that is on the engine."""
    return docker_engine.image
