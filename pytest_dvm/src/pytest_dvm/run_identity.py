"""Which run a pytest process is part of: a run of its own, or one that xdist spread over several processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple


class Place(NamedTuple):
    """This process's place in its run.

    Attributes:
        run: a mark of the run, the same in all of its processes.
        worker: xdist's name of this worker; empty in a process that runs tests by itself.
        controller: the process whose end is the end of the run; this one, where there is no other on this machine.
    """

    run: str
    worker: str = ""
    controller: int = 0

    @property
    def shared(self) -> bool:
        """Whether other processes of the run are beside this one."""
        return self.controller != os.getpid()

    @property
    def prefix(self) -> str:
        """What the names of this process's own things begin with."""
        return f"dvm-test-{self.run}-{self.worker}".rstrip("-")


def new_run() -> str:
    """A mark that no other run has."""
    return os.urandom(4).hex()


def place_of(workerinput: Mapping[str, Any] | None) -> Place:
    """The place that xdist's ``workerinput`` gives; None for a process that runs tests by itself."""
    if workerinput is None or "dvm_run" not in workerinput:
        return Place(new_run(), controller=os.getpid())
    controller = int(workerinput["dvm_controller"])
    # A worker on another machine has another parent: it keeps to itself.
    if os.getppid() != controller:
        controller = os.getpid()
    return Place(str(workerinput["dvm_run"]), str(workerinput["workerid"]), controller)
