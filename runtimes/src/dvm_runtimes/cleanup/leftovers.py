"""`Leftovers`: a ledger of what a call could not remove from its engine in time."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from dvm_runtimes.errors import DvmError

if TYPE_CHECKING:
    from .ledger import Ledger, Removable


class Leftovers:
    """The leftovers of one engine.

    The ledger is created with the first entry. Its reaper removes the entries after `close`, or when this process ends;
    what it cannot remove is left to ``dvm gc``.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: Removable) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._entries: set[tuple[str, str]] = set()

    def add(self, kind: str, name: str) -> bool:
        """Record a resource; returns whether it could be recorded.

        Args:
            kind: one of ``reaper.KINDS``.
            name: its name on the engine.
        """
        with self._lock:
            try:
                if self._ledger is None:
                    from .ledger import Ledger

                    self._ledger = Ledger()
                self._ledger.made(kind, name, self._ledger.engine(self._engine))
            except (DvmError, OSError):
                return False
            self._entries.add((kind, name))
            return True

    def removed(self, kind: str, name: str) -> None:
        """Record that the resource has been removed after all."""
        with self._lock:
            if (kind, name) in self._entries and self._ledger is not None:
                self._entries.discard((kind, name))
                with contextlib.suppress(OSError):  # the entry stays, and its removal does nothing
                    self._ledger.gone(kind, name, self._ledger.engine(self._engine))

    def close(self) -> None:
        """Delete the ledger if it is empty, else let its reaper remove the entries in the background."""
        with self._lock:
            ledger, self._ledger = self._ledger, None
        if ledger is not None:
            if self._entries:
                ledger.leave()
            else:
                ledger.close()
