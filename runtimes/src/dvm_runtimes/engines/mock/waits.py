"""Waiting for the mock's own state within the limits of a call."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dvm_runtimes.operation import Operation


def wait_for(
    op: Operation, condition: threading.Condition, ready: Callable[[], bool], seconds: float | None = None
) -> bool:
    """Wait until ``ready``, at most ``seconds``; whether it was. The caller does not hold the lock.

    Raises:
        OperationTimeoutError, OperationCancelledError: the call has to end.
    """
    cut = False

    def wake() -> None:
        nonlocal cut
        with condition:
            cut = True
            condition.notify_all()

    with op.aborting(wake), condition:
        done = condition.wait_for(lambda: cut or ready(), seconds)
    op.check()
    return done
