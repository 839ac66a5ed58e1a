"""What the server tells of its own work: ``$/logTrace`` for the client, a log for a bug report.

Names, IDs and times only: arguments and results may hold secrets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .messages import Id

log = logging.getLogger("dvm_server.requests")


class Trace:
    """Tells of commands as they come and go.

    Args:
        tell: sends a notification.
    """

    def __init__(self, tell: Callable[[str, Any], object]) -> None:
        self._tell = tell
        self.value = "off"
        """As ``$/setTrace`` has it: ``off``, ``messages`` or ``verbose``."""

    def set(self, value: Any) -> None:
        """Take what the client asks for; a word that is not known changes nothing."""
        if value in ("off", "messages", "verbose"):
            self.value = value

    def received(self, name: str, identifier: Id) -> None:
        """A command begins."""
        log.debug("%s %r received", name, identifier)
        if self.value != "off":
            self._tell("$/logTrace", {"message": f"Received request '{name} - ({identifier})'."})

    def done(self, name: str, identifier: Id, seconds: float) -> None:
        """A command was answered."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %r answered in %.1f ms", name, identifier, seconds * 1000)
        if self.value != "off":
            message: dict[str, Any] = {"message": f"Sent response '{name} - ({identifier})'."}
            if self.value == "verbose":
                message["verbose"] = f"It took {seconds * 1000:.1f} ms."
            self._tell("$/logTrace", message)
