"""One command that runs on a thread: its cancel token and what its client is shown of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dvm_runtimes.operation import CancelToken

from .messages import Id
from .progress import Progress


@dataclass(slots=True, eq=False)
class Work:
    """What a command on a thread is given besides its argument.

    Attributes:
        id: of the request.
        command: its name.
        argument: what the client gave; None when it gave nothing.
        progress: shows the client how far it is.
        size: bytes of the request.
        cancel: set when the client no longer wants it, and at the end; the command stops and cleans up.
    """

    id: Id
    command: str
    argument: Any
    progress: Progress
    size: int = 0
    cancel: CancelToken = field(default_factory=CancelToken)


class InThread:
    """What a command on the loop returns when it cannot answer at once: the rest of it, for a thread.

    Args:
        function: called with the `Work`.
    """

    __slots__ = ("function",)

    def __init__(self, function: Any) -> None:
        self.function = function
