"""The identity of a test run, which xdist may spread over several processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple


class RunIdentity(NamedTuple):
    """The run, and this process within it.

    Attributes:
        run: a random ID, the same in all processes of the run.
        worker: xdist's name of this worker; empty without xdist.
        controller: the process whose end ends the run; this one without xdist, and in a worker on another machine.
    """

    run: str
    worker: str = ""
    controller: int = 0

    @property
    def shared(self) -> bool:
        """Whether the run has other processes on this machine."""
        return self.controller != os.getpid()

    @property
    def prefix(self) -> str:
        """The prefix of the names of this process's resources."""
        return f"dvm-test-{self.run}-{self.worker}".rstrip("-")


def new_run() -> str:
    """A new random ID of a run."""
    return os.urandom(4).hex()


def run_identity(workerinput: Mapping[str, Any] | None) -> RunIdentity:
    """The identity in xdist's ``workerinput``; a new one for None."""
    if workerinput is None or "dvm_run" not in workerinput:
        return RunIdentity(new_run(), controller=os.getpid())
    controller = int(workerinput["dvm_controller"])
    # A worker on another machine has another parent, and shares nothing.
    if os.getppid() != controller:
        controller = os.getpid()
    return RunIdentity(str(workerinput["dvm_run"]), str(workerinput["workerid"]), controller)
