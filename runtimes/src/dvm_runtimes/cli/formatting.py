"""Format text from outside safely for a terminal, and times and sizes for people."""

from __future__ import annotations

import datetime
import re

# C0, DEL and C1.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_CONTROL_IN_LINE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def visible(text: str) -> str:
    """Join ``text`` into one line without control characters.

    >>> visible("two\\nlines \\x1b[31mred\\x1b[0m")
    'two lines red'
    """
    return _CONTROL.sub(" ", _ESCAPE.sub("", text)).strip()


def visible_lines(text: str) -> list[str]:
    """Split ``text`` into lines without control characters."""
    return [_CONTROL_IN_LINE.sub("", _ESCAPE.sub("", line)).expandtabs() for line in text.splitlines()]


def timestamp(seconds: float | None) -> str:
    """Format seconds since the epoch as ISO 8601 in UTC; empty for None.

    >>> timestamp(0.5), timestamp(None)
    ('1970-01-01T00:00:00Z', '')
    """
    if seconds is None or seconds == 0.0:
        return ""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat().replace("+00:00", "Z")


def ago(seconds: float | None, now: float) -> str:
    """Format the time that has passed since then; empty for None.

    >>> ago(100.0, 100.0 + 7500)
    '2 hours ago'
    """
    if seconds is None or seconds == 0.0:
        return ""
    passed = max(0, int(now - seconds))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if passed >= size:
            count = passed // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return f"{passed} second{'s' if passed != 1 else ''} ago"


def size(count: int) -> str:
    """Format a number of bytes in powers of 1000, as engines do.

    >>> size(1_234_567)
    '1.2 MB'
    """
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
