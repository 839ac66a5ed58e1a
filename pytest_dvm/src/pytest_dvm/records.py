"""The ledgers of a run: one for each process, and one shared by all processes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dvm_runtimes.cleanup.ledger import Ledger, ledgers_folder, sweep
from dvm_runtimes.cleanup.ownership import current_owner, owner_of
from dvm_runtimes.cleanup.reaper import read

from .run_identity import RunIdentity

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime


class Records:
    """The ledgers of this process, created when the first resource is recorded.

    Args:
        place: the identity of the run and of this process.
        keep: the setting ``dvm_keep``. Workspaces that may be kept have no owner, so that ``dvm gc`` keeps them too.
    """

    def __init__(self, place: RunIdentity, keep: str = "never") -> None:
        self._place = place
        self._lock = threading.Lock()
        self._own: Ledger | None = None
        self._handed_over: list[Ledger] = []
        self._shared: Ledger | None = None
        self.owner = "" if keep != "never" else current_owner()

    @property
    def own(self) -> Ledger:
        """The ledger of this process."""
        with self._lock:
            if self._own is None:
                sweep()
                self._own = Ledger()
            return self._own

    @property
    def shared(self) -> Ledger:
        """The ledger of the run; without xdist that of this process."""
        if not self._place.shared:
            return self.own
        with self._lock:
            if self._shared is None:
                controller = self._place.controller
                self._shared = Ledger(
                    shared_file(self._place.run), owner=owner_of(controller), watch=[controller], pipe=False
                )
            return self._shared

    def ledger_for(self, runtime: ContainerRuntime) -> Ledger:
        """The ledger for resources of the whole run. An engine in this process's memory is not shared."""
        return self.shared if runtime.removal() else self.own

    def hand_over(self) -> None:
        """Let the reaper remove the resources of this process in the background, until `close`."""
        with self._lock:
            if self._own is not None:
                self._own.hand_over()
                self._handed_over.append(self._own)
                self._own = None

    def close(self) -> None:
        """Remove the resources of this process. The controller removes shared ones."""
        for ledger in (*self._handed_over, self._own):
            if ledger is not None:
                ledger.close()
        if self._shared is not None:
            self._shared.detach()


def shared_file(run: str) -> Path:
    """The path of the shared ledger of a run."""
    return ledgers_folder() / f"run-{run}.ledger"


def end_shared(run: str) -> None:
    """Remove the shared resources of a run; called by the controller when the workers have ended."""
    from dvm_runtimes.cleanup.reaper import reap

    reap(os.fspath(shared_file(run)), in_flight=0.0)


def made(ledger: Ledger, kind: str, name: str) -> bool:
    """Whether a process of the run has created the resource."""
    _, entries = read(os.fspath(ledger.file))
    return any(entry["kind"] == kind and entry["name"] == name and entry["made"] for entry in entries)


@contextlib.contextmanager
def exclusive(ledger: Ledger) -> Iterator[None]:
    """Hold an exclusive lock within the run; a process that dies releases it."""
    import fcntl

    with ledger.file.open("rb") as file:
        # The lock belongs to the open file, so it works between threads as well.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def agreed(ledger: Ledger, find: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """What ``find`` returned in the first process of the run, for all of its processes."""
    with exclusive(ledger):
        found = ledger.noted()
        if found is None:
            found = ",".join(find())
            ledger.note(found)
    return tuple(found.split(","))


def once(ledger: Ledger, kind: str, name: str, engine: str, make: Callable[[], object]) -> None:
    """Create a resource in one process of the run, while the others wait."""
    with exclusive(ledger):
        if not made(ledger, kind, name):
            ledger.plan(kind, name, engine)
            make()
            ledger.made(kind, name, engine)
