"""How tests are spread over the workers of pytest-xdist: a kind of engine is one worker's, so that it starts once."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_WHOLE_FILES = ("tests/conformance/",)


class _ByEngine(LoadScopeScheduling):  # type: ignore[misc]
    """Classes stay together, as `LoadScopeScheduling` has it; files of the conformance suite do too."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(_WHOLE_FILES) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling | None:
    return _ByEngine(config, log) if config.getoption("dist") == "loadscope" else None
