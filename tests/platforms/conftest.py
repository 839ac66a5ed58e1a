"""A machine for each test, with nothing on it yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def unprivileged() -> Iterator[None]:
    """Within the block root has no more rights than anybody else; an ordinary user has none to lose."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)
