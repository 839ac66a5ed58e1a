"""The ``dvm`` command.

Each call imports only what it needs: ``dvm --help`` imports no engine, and
rich is imported when a table is drawn on a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``dvm`` and return its exit code.

    Args:
        arguments: the command line; default that of this process.


    >>> main(["--version"])
    dvm 0.1.0
    0
    """
    from .app import app
    from .standard_streams import open_missing_streams

    open_missing_streams()
    try:
        app.main(args=None if arguments is None else list(arguments), prog_name="dvm")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
