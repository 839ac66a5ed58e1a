"""Report start failures without a traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from dvm_runtimes.errors import DvmError


@contextlib.contextmanager
def started() -> Iterator[None]:
    """Turn an error of the start into a test failure without a traceback through this plugin."""
    try:
        yield
    except DvmError as error:
        text = str(error)
        if error.detail and error.detail not in text:
            text += f"\n{error.detail.strip()}"
        if error.logs:
            text += f"\nIts last log lines:\n{error.logs.rstrip()}"
        raise pytest.fail.Exception(text, pytrace=False) from None
