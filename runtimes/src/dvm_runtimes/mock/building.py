"""Builds."""

from __future__ import annotations

from typing import Any

from dvm_runtimes.errors import UnsupportedError


def build(*given: Any) -> str:
    """Refuse, for now."""
    raise UnsupportedError("the mock does not build yet", hint="Use add_image() on the runtime's `mock`.")
