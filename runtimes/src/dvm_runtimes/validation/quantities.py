"""Sizes and shares as people write them: ``"512m"`` of memory, ``1.5`` CPUs."""

from __future__ import annotations

import math
import re

from dvm_runtimes.errors import InvalidOptionError

MEMORY_FLOOR = 4 * 1024 * 1024
"""Bytes. Every engine refuses less; Docker itself refuses below 6 MiB."""
MEMORY_CEILING = 2**63 - 1
CPUS_CEILING = 1024.0

_MEMORY = re.compile(r"(\d+)([kmg]?)b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def parse_memory(value: str | int | None, field: str = "memory", floor: int = MEMORY_FLOOR) -> int | None:
    """Bytes of memory from ``"512m"``, ``"2G"``, ``"8192k"`` or a number; None for no limit.

    Units are powers of 1024, as in ``docker run --memory``.

    Raises:
        InvalidOptionError: not a size, or smaller than ``floor`` bytes.

    >>> parse_memory("512m")
    536870912
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise InvalidOptionError(field, value, 'write a size such as "512m" or "2g"')
    match = _MEMORY.fullmatch(str(value).strip())
    if match is None:
        raise InvalidOptionError(field, value, 'write a whole number with k, m or g, such as "512m" or "2g"')
    size = int(match[1]) * _FACTORS[match[2].lower()]
    if size < floor:
        raise InvalidOptionError(field, value, f"at least {floor} bytes are needed")
    if size > MEMORY_CEILING:
        raise InvalidOptionError(field, value, "more than an engine can count")
    return size


def check_cpus(value: float | None, field: str = "cpus") -> float | None:
    """CPUs as a share, from 0 (no limit) to 1024; None for no limit.

    Raises:
        InvalidOptionError: negative, above 1024, or not a number.
    """
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidOptionError(field, value, "write a number of CPUs such as 0.5 or 2")
    if not 0 < value <= CPUS_CEILING:
        raise InvalidOptionError(field, value, f"must lie between 0 (no limit) and {CPUS_CEILING:g}")
    return float(value)
