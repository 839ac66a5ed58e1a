"""From the progress events of a runtime to the progress that a client shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from dvm_server.protocol.work import Progress

if TYPE_CHECKING:
    from dvm_runtimes.infos import ProgressEvent

_NUMBERED = re.compile(r"(?:step |\[(?:[^\]]*\s)?)(\d{1,5})/(\d{1,5})", re.IGNORECASE)


def progress_reporter(progress: Progress) -> Callable[[ProgressEvent], None]:
    """A callback for a runtime's ``progress`` that reports each step to the client."""
    last_step = ""

    def report(event: ProgressEvent) -> None:
        nonlocal last_step
        is_new, last_step = event.step != last_step, event.step
        text = f"{event.step}: {event.message}" if event.message else event.step
        if is_new or event.message:
            progress.report(text, percentage(event.step))
        elif event.current is not None and event.total:
            # Several layers are pulled at once, each with figures of its own: as text, since a bar must not go back.
            progress.figures(f"{text} ({min(100, 100 * event.current // event.total)} %)")

    return report


def percentage(step: str) -> int | None:
    """The percentage that is done when a numbered step begins; None when the step has no number.

    >>> percentage("Step 3/4 : RUN make"), percentage("[2/5] COPY . ."), percentage("Pulling alpine")
    (50, 20, None)
    """
    match = _NUMBERED.search(step)
    if match is None or not 0 < int(match[1]) <= int(match[2]):
        return None
    return 100 * (int(match[1]) - 1) // int(match[2])
