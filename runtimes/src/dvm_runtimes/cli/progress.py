"""What is shown on stderr while work goes on: a moving display on a terminal, lines in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .invocation import Invocation
from .streams import draws
from .text import size, visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.spinner import Spinner

    from dvm_runtimes.infos import ProgressEvent

Tell = Callable[["ProgressEvent"], object]

_BARS = 8
"""Layers that are shown at once."""
_BAR_WIDTH = 24


@contextlib.contextmanager
def showing(invocation: Invocation, *, keep_steps: bool = False) -> Iterator[Tell | None]:
    """A callback for progress events; None when nothing is to be shown.

    Args:
        invocation: with JSON wanted, nothing else is shown.
        keep_steps: on a terminal, steps and their output stay there, as those of a build; else they vanish at the end.
    """
    if invocation.json:
        yield None
    elif draws("stderr"):
        with contextlib.closing(_Display(keep_steps=keep_steps)) as display:
            yield display.tell
    else:
        yield _line_writer(keep_steps=keep_steps)


def _line_writer(*, keep_steps: bool) -> Tell:
    last = ""

    def tell(event: ProgressEvent) -> None:
        nonlocal last
        # The bytes of a layer are news on a terminal and noise in a log; the steps of a build are counted too.
        if event.total is not None and not keep_steps:
            return
        step, message = visible(event.step), visible(event.message)
        if step and step != last:
            print(step, file=sys.stderr, flush=True)
            last = step
        if message:
            print(f"  {message}", file=sys.stderr, flush=True)

    return tell


class _Display:
    """The step at work with its time, and a bar for each layer that is being fetched."""

    def __init__(self, *, keep_steps: bool) -> None:
        self._keep_steps = keep_steps
        self._step = ""
        self._bars: dict[str, tuple[int, int]] = {}
        self._live: Live | None = None
        self._spinner: Spinner | None = None

    def tell(self, event: ProgressEvent) -> None:
        """Show an event. rich is loaded for the first: a start that finds all done has none."""
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
        """Take the display away."""
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
        # A copy: the display is drawn by a thread of its own.
        for step, (current, total) in list(self._bars.items())[:_BARS]:
            amount = f"{size(current)} of {size(total)}"
            bars.add_row(Text(f"  {step}"), ProgressBar(total, current, width=_BAR_WIDTH), Text(amount, style="dim"))
        return Group(self._spinner, bars) if self._bars else self._spinner
