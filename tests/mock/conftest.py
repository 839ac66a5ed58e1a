"""A mock engine for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dvm_runtimes import ExecOptions, ExecResult, StartOptions
from dvm_runtimes.engines.mock import MockRuntime

Run = Callable[..., ExecResult]
"""Runs a shell script in a workspace: ``run("echo $A", env={"A": "1"})``."""


@pytest.fixture
def runtime() -> Iterator[MockRuntime]:
    with MockRuntime() as runtime:
        yield runtime


@pytest.fixture
def workspace(runtime: MockRuntime) -> str:
    return runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))


@pytest.fixture
def run(runtime: MockRuntime, workspace: str) -> Run:
    def run(script: str, **options: Any) -> ExecResult:
        given = ExecOptions(**{"working_dir": "/tmp", **options})
        return runtime.exec_in_workspace(workspace, ["sh", "-c", script], given, timeout=60)

    return run
