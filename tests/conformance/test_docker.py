"""A real Docker Engine passes the conformance suite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.engines.subjects import subject_on

from dvm_runtimes.testing import *  # noqa: F403
from dvm_runtimes.testing import Subject

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine

KIND = "docker"


@pytest.fixture(scope="module")
def engine(engines: Engines) -> RunningEngine:
    return engines.get(KIND)


@pytest.fixture(scope="module")
def subject(engine: RunningEngine) -> Iterator[Subject]:
    with subject_on(engine) as subject:
        yield subject
