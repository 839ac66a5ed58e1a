"""Write to stdout: JSON documents, tab-separated lines in a pipe, tables on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .formatting import visible
from .standard_streams import coloured, draws, is_terminal

if TYPE_CHECKING:
    from rich.console import Console

STATUS_COLOURS = {
    "running": "green",
    "paused": "yellow",
    "restarting": "yellow",
    "created": "cyan",
    "exited": "bright_black",
    "dead": "red",
    "removing": "bright_black",
    "not_found": "red",
    "unknown": "red",
}


def print_json(data: Any) -> None:
    """Write one JSON document."""
    # JSON is UTF-8 (RFC 8259); escapes say the same where stdout has another encoding.
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(data, indent=2, ensure_ascii=not unicode)
    # A lone surrogate, from a file name that is not UTF-8, becomes JSON's escape.
    print(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def print_line(*fields: str) -> None:
    """Write one line of tab-separated fields."""
    _write("\t".join(visible(field) for field in fields))


def print_done(name: str, rest: str) -> None:
    """Write ``name rest`` on a terminal, ``name`` in a pipe."""
    if not is_terminal("stdout"):
        print_line(name)
        return
    line = f"{visible(name)} {visible(rest)}"
    _write(f"\x1b[32m✓\x1b[0m {line}" if coloured("stdout") else line)


def print_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    empty: str = "",
    status: int | None = None,
    whole: int = 0,
) -> None:
    """Write a table on a terminal, tab-separated lines without a heading in a pipe.

    Args:
        columns: the headings.
        rows: the cells.
        empty: written to stderr on a terminal when there are no rows.
        status: the number of the column that holds a status, which is coloured.
        whole: the number of the column that is shortened last.
    """
    if not is_terminal("stdout"):
        for row in rows:
            print_line(*row)
        return
    if not rows:
        if empty:
            print(empty, file=sys.stderr)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for index, column in enumerate(columns):
        # rich shortens the widest columns that may wrap first: paths, then images.
        table.add_column(column, no_wrap=index == whole, overflow="ellipsis")
    for row in rows:
        cells = [Text(visible(cell), no_wrap=True, overflow="ellipsis") for cell in row]
        if status is not None:
            label = cells[status].plain.split(" ", 1)[0]
            cells[status].stylize(STATUS_COLOURS.get(label, ""))
        table.add_row(*cells)
    console("stdout").print(table)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Write names and values: aligned on a terminal, separated by a tab in a pipe. Names may repeat."""
    if not is_terminal("stdout"):
        for name, value in facts:
            print_line(name, value)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        colour = STATUS_COLOURS.get(value.split(" ", 1)[0], "") if name == "status" else ""
        table.add_row(name, Text(visible(value), style=colour))
    console("stdout").print(table)


def console(name: str) -> Console:
    """rich's console on ``stdout`` or ``stderr``."""
    from rich.console import Console

    # Without a colour system rich writes no escape sequences.
    return Console(
        file=getattr(sys, name),
        color_system="auto" if coloured(name) else None,
        force_terminal=None if draws(name) else False,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _write(line: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "replace").decode(encoding))
