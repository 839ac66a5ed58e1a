"""Starts that fail are told in their own words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from dvm_runtimes.errors import DvmError


@contextlib.contextmanager
def started() -> Iterator[None]:
    """A start that fails is told in its own words, not by a traceback through this plugin."""
    try:
        yield
    except DvmError as error:
        text = str(error)
        if error.detail and error.detail not in text:
            text += f"\n{error.detail.strip()}"
        if error.logs:
            text += f"\nIts last log lines:\n{error.logs.rstrip()}"
        raise pytest.fail.Exception(text, pytrace=False) from None
