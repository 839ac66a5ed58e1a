"""The one error of the demo."""

from __future__ import annotations


class DemoError(Exception):
    """A step failed; the message says which and why, on one line."""
