"""The mock passes the same conformance suite as every real engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dvm_runtimes.testing import *  # noqa: F403 -- every test of the suite
from dvm_runtimes.testing import Subject
from dvm_runtimes.testing.mock import mock_subject


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    with mock_subject(tmp_path_factory.mktemp("host")) as subject:
        yield subject
