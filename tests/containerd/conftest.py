"""Colima's containerd profile, and a workspace in it, for the tests of what is special there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.engines.fixtures import Engines
from tests.engines.registry import RunningEngine
from tests.engines.subjects import runtime_on

from dvm_runtimes.options import ExecOptions, StartOptions
from dvm_runtimes.runtime import ContainerRuntime

LIMIT = 120.0


@pytest.fixture(scope="module")
def engine(engines: Engines) -> RunningEngine:
    return engines.get("colima-containerd")


@pytest.fixture(scope="module")
def runtime(engine: RunningEngine) -> Iterator[ContainerRuntime]:
    with runtime_on("colima", engine.machine()) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def workspace(engine: RunningEngine, runtime: ContainerRuntime) -> Iterator[str]:
    made = runtime.start_workspace(StartOptions(image_name=engine.image, workspace_name="in-the-vm"), timeout=LIMIT)
    yield made
    runtime.remove_workspace(made, force=True, timeout=LIMIT)


def sh(runtime: ContainerRuntime, workspace: str, script: str, **options: Any) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of a script in the workspace."""
    result = runtime.exec_in_workspace(workspace, ["sh", "-c", script], ExecOptions(**options), timeout=LIMIT)
    return result.exit_code, result.stdout, result.stderr
