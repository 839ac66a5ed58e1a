"""`Undo`: the steps that clean up after a call that failed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from dvm_runtimes.cleanup.leftovers import Leftovers
from dvm_runtimes.engines.base import Engine
from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import Operation

CLEANUP_LIMIT = 60.0
"""Seconds that one step may take."""

_LATE = 3.0
"""Seconds that a caller whose limit has passed waits for one step; after that it goes on in the background."""

Step = Callable[[Operation], object]


class Undo:
    """Runs the steps one after the other in a thread of its own.

    A step has no cancel event: the caller gave up on its call, not on leaving nothing behind. A container that a step
    has not removed when the caller goes on is in a ledger: it is removed in the background, or by ``dvm gc``.

    Args:
        engine: the engine.
        op: the call that failed.
    """

    def __init__(self, engine: Engine, op: Operation) -> None:
        self._engine = engine
        self._op = op
        self._leftovers = Leftovers(engine)
        self._steps: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def close(self) -> None:
        """No step follows; the thread ends after those there are."""
        if self._thread is not None:
            self._steps.put(None)

    def run(self, step: Step, *, removes: str = "", error: BaseException | None = None) -> None:
        """Run a step, and wait for it as long as the caller's limit allows. Raises nothing.

        Args:
            step: gets an operation with a limit of its own.
            removes: the ID of the container that it removes.
            error: the error of the call; its hint tells of a container that is left.
        """
        done = threading.Event()
        failed: list[DvmError] = []

        def work() -> None:
            try:
                with Operation(self._op.name, timeout=CLEANUP_LIMIT, platform=self._engine.platform_name) as op:
                    step(op)
            except DvmError as problem:
                failed.append(problem)
            else:
                self._leftovers.removed("container", removes)
            finally:
                done.set()

        self._steps.put(work)
        if self._thread is None:
            # A daemon: if this process ends first, the reaper of the ledger removes the container.
            self._thread = threading.Thread(target=self._run, name="dvm-undo", daemon=True)
            self._thread.start()
        if (done.wait(_LATE if self._op.aborted else CLEANUP_LIMIT) and not failed) or not removes:
            return
        self._leftovers.add("container", removes)
        if done.is_set() and not failed:
            self._leftovers.removed("container", removes)
        elif isinstance(error, DvmError):
            left = f"Container {removes[:12]} is still there; it is removed in the background, or by `dvm gc`."
            error.hint = f"{error.hint} {left}".strip()

    def _run(self) -> None:
        while (step := self._steps.get()) is not None:
            step()
        self._leftovers.close()
