"""What pytest sees of this plugin: its options, its marker and its hooks.

This is imported by every test run, used or not: nothing here imports more
than pytest itself.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dvm", "container workspaces")
    group.addoption(
        "--dvm-runtime",
        metavar="NAME[,NAME...]",
        help="the runtime to use; with several, every test that uses a workspace runs once on each; "
        "'all' means every reachable one",
    )
    parser.addini("dvm_runtime", "default of --dvm-runtime, behind DVM_RUNTIME and CONTAINER_RUNTIME")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "dvm(image, build, env, mounts, ports, files, ready, ...): how the workspaces of a test are started",
    )
