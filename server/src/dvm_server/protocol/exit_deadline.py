"""The end that nothing can hold up."""

from __future__ import annotations

import os
import threading


def exit_after(seconds: float, code: int) -> None:
    """End this process with ``code`` so much later, if it has not ended by itself."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.name = "dvm-last-resort"
    timer.start()
