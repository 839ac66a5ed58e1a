"""Show progress on stderr: a live display on a terminal, lines in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .formatting import size, visible
from .invocation import Invocation
from .standard_streams import draws

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.spinner import Spinner

    from dvm_runtimes.infos import ProgressEvent

Report = Callable[["ProgressEvent"], object]

_BARS = 8
"""Bars that are shown at once."""
_BAR_WIDTH = 24


@contextlib.contextmanager
def showing(invocation: Invocation, *, keep_steps: bool = False) -> Iterator[Report | None]:
    """A callback for progress events; None with ``--json``.

    Args:
        invocation: this run.
        keep_steps: keep steps and their output on the terminal, as for a build; else they are erased at the end.
    """
    if invocation.json:
        yield None
    elif draws("stderr"):
        with contextlib.closing(_Display(keep_steps=keep_steps)) as display:
            yield display.report
    else:
        yield _line_writer(keep_steps=keep_steps)


def _line_writer(*, keep_steps: bool) -> Report:
    last = ""

    def report(event: ProgressEvent) -> None:
        nonlocal last
        # Counts of bytes are left out of logs. The steps of a build have counts as well, and are kept.
        if event.total is not None and not keep_steps:
            return
        step, message = visible(event.step), visible(event.message)
        if step and step != last:
            print(step, file=sys.stderr, flush=True)
            last = step
        if message:
            print(f"  {message}", file=sys.stderr, flush=True)

    return report


class _Display:
    """The current step with a spinner, and a bar for each layer that is being pulled."""

    def __init__(self, *, keep_steps: bool) -> None:
        self._keep_steps = keep_steps
        self._step = ""
        self._bars: dict[str, tuple[int, int]] = {}
        self._live: Live | None = None
        self._spinner: Spinner | None = None

    def report(self, event: ProgressEvent) -> None:
        """Show an event. rich is imported for the first one: a start with nothing to do has none."""
        live = self._live or self._open()
        step, message = visible(event.step), visible(event.message)
        if event.total is not None and event.current is not None and not self._keep_steps:
            self._bars[step] = (event.current, event.total)
            if event.current >= event.total:
                del self._bars[step]
        elif step and step != self._step:
            self._step = step
            if self._keep_steps:
                live.console.print(step, style="bold")
        if message and self._keep_steps:
            live.console.print(f"  {message}", style="dim")
        live.refresh()

    def close(self) -> None:
        """Erase the display."""
        if self._live is not None:
            self._live.stop()

    def _open(self) -> Live:
        from rich.live import Live
        from rich.spinner import Spinner

        from .output import console

        screen = console("stderr")
        self._spinner = Spinner("dots" if screen.encoding.startswith("utf") else "line", style="cyan")
        self._live = Live(
            console=screen,
            transient=True,
            get_renderable=self._draw,
            refresh_per_second=10,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        return self._live

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if self._spinner is None:
            return ""
        self._spinner.update(text=Text(self._step, no_wrap=True, overflow="ellipsis"))
        bars = Table.grid(padding=(0, 1))
        # A copy, since rich draws in a thread of its own.
        for step, (current, total) in list(self._bars.items())[:_BARS]:
            amount = f"{size(current)} of {size(total)}"
            bars.add_row(Text(f"  {step}"), ProgressBar(total, current, width=_BAR_WIDTH), Text(amount, style="dim"))
        return Group(self._spinner, bars) if self._bars else self._spinner
