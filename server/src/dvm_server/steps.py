"""From the steps of long work to what a client shows of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from dvm_server.protocol.progress import Progress

if TYPE_CHECKING:
    from dvm_runtimes.infos import ProgressEvent

_NUMBERED = re.compile(r"(?:step |\[(?:[^\]]*\s)?)(\d{1,5})/(\d{1,5})", re.IGNORECASE)


def shown(progress: Progress) -> Callable[[ProgressEvent], None]:
    """A callback for a runtime's ``progress`` that reports each step to the client."""

    last = ""

    def report(event: ProgressEvent) -> None:
        nonlocal last
        new, last = event.step != last, event.step
        text = f"{event.step}: {event.message}" if event.message else event.step
        if new or event.message:
            progress.report(text, percentage(event.step))
        elif event.current is not None and event.total:
            # Figures of one layer of several: said in words, since a bar must not go back.
            progress.figures(f"{text} ({min(100, 100 * event.current // event.total)} %)")

    return report


def percentage(step: str) -> int | None:
    """How much is done when a numbered step begins; None when it is not numbered.

    >>> percentage("Step 3/4 : RUN make"), percentage("[2/5] COPY . ."), percentage("Pulling alpine")
    (50, 20, None)
    """
    found = _NUMBERED.search(step)
    if found is None or not 0 < int(found[1]) <= int(found[2]):
        return None
    return 100 * (int(found[1]) - 1) // int(found[2])
