"""Measures against the memory use of a process that mostly waits."""

from __future__ import annotations

import ctypes
import linecache
import sys

_M_ARENA_MAX = -8
"""See mallopt(3)."""


def share_one_heap() -> None:
    """Use one heap for all threads, which wastes less memory; call it before they start.

    Only glibc has several heaps; elsewhere this does nothing.
    """
    if (mallopt := _function("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, 1)


def forget_generated_source() -> None:
    """Free the source of lsprotocol's 500 generated classes, 1.7 MB, which `linecache` keeps for tracebacks."""
    linecache.clearcache()


def trim_heap() -> None:
    """Return to the system the memory that imports have freed."""
    if (trim := _function("malloc_trim")) is not None:
        trim(0)


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), name, None)
