"""Text that came from elsewhere, made safe for a terminal and for one line; and times for people."""

from __future__ import annotations

import datetime
import re

# C0, DEL and C1: what moves a terminal's cursor, and what ends a line or a column.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_CONTROL_IN_LINE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def visible(text: str) -> str:
    """``text`` as one line without control characters.

    >>> visible("two\\nlines \\x1b[31mred\\x1b[0m")
    'two lines red'
    """
    return _CONTROL.sub(" ", _ESCAPE.sub("", text)).strip()


def visible_lines(text: str) -> list[str]:
    """The lines of ``text``, each without control characters."""
    return [_CONTROL_IN_LINE.sub("", _ESCAPE.sub("", line)).expandtabs() for line in text.splitlines()]


def timestamp(seconds: float | None) -> str:
    """Seconds since the epoch as ISO 8601 in UTC; empty when unknown.

    >>> timestamp(0.5), timestamp(None)
    ('1970-01-01T00:00:00Z', '')
    """
    if seconds is None or seconds == 0.0:
        return ""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat().replace("+00:00", "Z")


def ago(seconds: float | None, now: float) -> str:
    """How long ago that was, for people; empty when unknown.

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
    """Bytes for people, in powers of 1000 as engines show them.

    >>> size(1_234_567)
    '1.2 MB'
    """
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
