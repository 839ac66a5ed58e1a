"""The ledgers of a run: one of this process, and one that all processes of a run share."""

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

from .run_identity import Place

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime


class Records:
    """Where this process writes down what it makes; begun with the first thing.

    Args:
        place: whose.
        keep: the setting; what may stay has no owner on the engine, lest ``dvm gc`` takes it for forgotten.
    """

    def __init__(self, place: Place, keep: str = "never") -> None:
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
        """The ledger of the run; this process's own where nobody shares it."""
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
        """Where things for the whole run are written down: nobody shares an engine that only this process sees."""
        return self.shared if runtime.removal() else self.own

    def hand_over(self) -> None:
        """Let all that this process has be removed, beside what it does until `close`. What it makes then is new."""
        with self._lock:
            if self._own is not None:
                self._own.hand_over()
                self._handed_over.append(self._own)
                self._own = None

    def close(self) -> None:
        """Remove what this process still has; what the run shares is its controller's to remove."""
        for ledger in (*self._handed_over, self._own):
            if ledger is not None:
                ledger.close()
        if self._shared is not None:
            self._shared.detach()


def shared_file(run: str) -> Path:
    """The ledger that the processes of a run share."""
    return ledgers_folder() / f"run-{run}.ledger"


def end_shared(run: str) -> None:
    """Remove what the processes of a run shared: for the controller, when they have ended."""
    from dvm_runtimes.cleanup.reaper import reap

    reap(os.fspath(shared_file(run)), in_flight=0.0)


def made(ledger: Ledger, kind: str, name: str) -> bool:
    """Whether some process of the run has made it."""
    _, entries = read(os.fspath(ledger.file))
    return any(entry["kind"] == kind and entry["name"] == name and entry["made"] for entry in entries)


@contextlib.contextmanager
def turn(ledger: Ledger) -> Iterator[None]:
    """One process of the run at a time; a process that dies loses its turn."""
    import fcntl

    with ledger.file.open("rb") as file:
        # A lock belongs to the open file, so threads of one process take turns too.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def agreed(ledger: Ledger, find: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """What the first process of the run finds; the others, which might find something else, take its word."""
    with turn(ledger):
        said = ledger.noted()
        if said is None:
            said = ",".join(find())
            ledger.note(said)
    return tuple(said.split(","))


def once(ledger: Ledger, kind: str, name: str, engine: str, make: Callable[[], object]) -> None:
    """Let one process of the run make it, while the others wait."""
    with turn(ledger):
        if not made(ledger, kind, name):
            ledger.plan(kind, name, engine)
            make()
            ledger.made(kind, name, engine)
