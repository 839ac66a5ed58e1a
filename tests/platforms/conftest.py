"""A machine for each test, with nothing on it yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .made_up import MadeUp


@pytest.fixture
def linux() -> Iterator[MadeUp]:
    """A Linux machine of an ordinary user, with the number 1234."""
    with MadeUp() as machine:
        yield machine


@pytest.fixture
def mac() -> Iterator[MadeUp]:
    """A Mac."""
    with MadeUp(uid=501, system="darwin") as machine:
        yield machine
