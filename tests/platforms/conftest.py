"""A machine for each test, with nothing on it yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dvm_runtimes.discovery import factory
from dvm_runtimes.discovery.detection import detect_platforms
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.plugins import providers

from .made_up import OURS, MadeUp


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


@pytest.fixture
def searched(linux: MadeUp, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """The Linux machine, which this process searches as if it were its own."""
    monkeypatch.setattr(Machine, "this", classmethod(lambda cls: linux.machine))
    keep = {name: one for name, one in providers().items() if name in (*OURS, "mock")}
    monkeypatch.setattr(factory, "providers_for", lambda which: keep)
    monkeypatch.setitem(detect_platforms.__globals__, "providers", lambda: keep)
    return linux


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
