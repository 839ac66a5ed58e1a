"""The ``dvm`` command.

Only what a call needs is loaded: ``dvm --help`` knows of no engine, and the
library for tables is loaded when there is a terminal to draw one on.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``dvm`` with these arguments, this process's own by default; the exit code.

    >>> main(["--version"])
    dvm 0.1.0
    0
    """
    from .app import app
    from .streams import open_missing_streams

    open_missing_streams()
    try:
        app.main(args=None if arguments is None else list(arguments), prog_name="dvm")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
