"""What one run of ``dvm`` carries from its start to its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Invocation:
    """One run of ``dvm``.

    Attributes:
        json: one JSON document is wanted, and nothing else.
        signal: the signal that asked the work to end, if one did.
        quiet_cancel: being cancelled is this command's normal end, and needs no words.
    """

    json: bool = False
    signal: int | None = None
    quiet_cancel: bool = False
