"""The conformance suite: what every runtime does, whatever engine is beneath it."""

from __future__ import annotations

import pytest

_PARTS = ("case", "drift", "eventlog", "exec", "naming", "starting")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))
