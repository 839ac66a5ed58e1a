"""The state of one run of ``dvm``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


@dataclass
class Invocation:
    """One run of ``dvm``.

    Attributes:
        json: ``--json`` was given: write one JSON document and nothing else.
        typed: the command line.
        command: the sub-command that runs.
        signal: the signal that cancelled the work, if one did.
        quiet_cancel: cancelling is how this command usually ends, and is not reported.
    """

    json: bool = False
    typed: tuple[str, ...] = ()
    command: click.Command | None = None
    signal: int | None = None
    quiet_cancel: bool = False
