"""How tests are spread over the workers of pytest-xdist: those of a class on one kind of engine stay together."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from .registry import every_kind

_SPLIT = ("tests/conformance/", "tests/engines/")
"""Other files share more than an engine among their tests."""


class _ByEngine(LoadScopeScheduling):  # type: ignore[misc]
    """As `LoadScopeScheduling`, but a class that is run on several kinds is several scopes."""

    def _split_scope(self, nodeid: str) -> str:
        scope = str(super()._split_scope(nodeid))
        return f"{scope}[{kind_of(nodeid)}" if nodeid.startswith(_SPLIT) else scope


def kind_of(nodeid: str) -> str:
    """The kind of engine that a test is parametrised with; empty if it is with none."""
    parameters = nodeid.partition("[")[2]
    return max((name for name in every_kind() if parameters.startswith(name)), key=len, default="")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling | None:
    return _ByEngine(config, log) if config.getoption("dist") == "loadscope" else None
