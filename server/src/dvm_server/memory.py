"""What keeps a server small that waits for most of its life."""

from __future__ import annotations

import ctypes
import linecache
import sys

_M_ARENA_MAX = -8
"""See mallopt(3)."""


def share_one_heap() -> None:
    """Have all threads take memory from one heap, instead of leaving holes in several; before they start.

    Only the C library of GNU can be told; musl and macOS have no such heaps.
    """
    if (mallopt := _function("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, 1)


def forget_generated_source() -> None:
    """Drop the text of lsprotocol's 500 generated classes, 1.7 MB, whose room then serves what is imported next.

    `linecache` keeps it for the lines of tracebacks, and nobody is shown one.
    """
    linecache.clearcache()


def give_back() -> None:
    """Return to the system what importing has used and left."""
    if (trim := _function("malloc_trim")) is not None:
        trim(0)


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), name, None)
