"""`Work`: a request whose command runs on a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dvm_runtimes.operation import CancelToken

from .messages import Id
from .progress import Progress


@dataclass(slots=True, eq=False)
class Work:
    """A request whose command runs on a thread.

    Attributes:
        id: the request's.
        command: the command's ID.
        argument: the first argument; None without one.
        progress: shows the client the progress.
        size: bytes of the request.
        cancel: set when the client cancels the request, and at the end of the server; the command cleans up and ends.
    """

    id: Id
    command: str
    argument: Any
    progress: Progress
    size: int = 0
    cancel: CancelToken = field(default_factory=CancelToken)


class NeedsThreadError(Exception):
    """A command on the event loop cannot answer at once."""


class RunOnThread:
    """What a command on the event loop returns to be continued on a thread.

    Args:
        function: called with the `Work`; its result is the command's.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Work], Any]) -> None:
        self.function = function
