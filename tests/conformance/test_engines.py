"""Every kind of engine passes the conformance suite.

`make test` runs all of it on some kinds, and on each other one what can differ there, as its file in
``tests/engines/kinds`` says. ``--engines all`` runs all of it on every kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.engines.selection import kinds_for
from tests.engines.subjects import subject_on

from dvm_runtimes.testing import *  # noqa: F403
from dvm_runtimes.testing import Subject

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    part = metafunc.definition.getparent(pytest.Class)
    assert part is not None
    kinds = kinds_for(metafunc.config, part.name)
    metafunc.parametrize("engine", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, engines: Engines) -> RunningEngine:
    return engines.get(request.param)


@pytest.fixture(scope="module")
def subject(engine: RunningEngine) -> Iterator[Subject]:
    with subject_on(engine) as subject:
        yield subject
