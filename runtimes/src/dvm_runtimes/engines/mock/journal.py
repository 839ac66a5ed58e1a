"""What a container's main process wrote, line by line with its time, as Docker's json-file keeps it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dvm_runtimes.operation import Operation

from .faults import unavailable
from .handles import OpenFile
from .waits import wait_for

if TYPE_CHECKING:
    pass

LONGEST_LINE = 16 * 1024
"""Bytes: a longer line is kept in pieces, as Docker does it."""

Entry = tuple[float, int, bytes]


class Journal:
    """The log of one container, over all its runs."""

    def __init__(self, lock: threading.RLock) -> None:
        self.condition = threading.Condition(lock)
        self.live = False
        """Its container runs: more may come."""
        self._entries: list[Entry] = []
        self._partial: dict[int, bytearray] = {}

    def writer(self, stream: int) -> OpenFile:
        """A file whose lines are kept."""
        return OpenFile(write=lambda process, data: self.add(stream, data))

    def add(self, stream: int, data: bytes) -> None:
        """Keep what was written; a line without its newline waits for the rest."""
        with self.condition:
            partial = self._partial.setdefault(stream, bytearray())
            partial += data
            now = time.time()
            *lines, rest = bytes(partial).split(b"\n")
            for line in lines:
                self._keep(now, stream, line + b"\n")
            while len(rest) >= LONGEST_LINE:
                self._entries.append((now, stream, rest[:LONGEST_LINE]))
                rest = rest[LONGEST_LINE:]
            self._partial[stream] = bytearray(rest)
            self.condition.notify_all()

    def _keep(self, now: float, stream: int, line: bytes) -> None:
        while len(line) > LONGEST_LINE + 1:
            self._entries.append((now, stream, line[:LONGEST_LINE]))
            line = line[LONGEST_LINE:]
        self._entries.append((now, stream, line))

    def begin(self) -> None:
        """Its container runs from now on."""
        with self.condition:
            self.live = True

    def end(self) -> None:
        """The run is over: what has no newline yet gets none."""
        with self.condition:
            for stream, partial in self._partial.items():
                if partial:
                    self._entries.append((time.time(), stream, bytes(partial)))
            self._partial.clear()
            self.live = False
            self.condition.notify_all()

    def read(
        self,
        op: Operation,
        *,
        tail: int | None,
        since: float | None,
        follow: bool,
        connected: Callable[[], bool] = lambda: True,
    ) -> Iterator[tuple[int, bytes]]:
        """What was written, and with ``follow`` what will be until the run ends.

        Raises:
            RuntimeUnavailableError: it is not ``connected`` any more.
        """
        with self.condition:
            at = self._start(tail, since)
        while True:
            with self.condition:
                entries = self._entries[at:]
                at += len(entries)
                over = not (follow and self.live)
            if not connected():
                raise unavailable(op.name, op.platform)
            for _, stream, data in entries:
                op.check()
                yield stream, data
            if not entries:
                if over:
                    return
                self._await(op, at, connected)

    def _await(self, op: Operation, at: int, connected: Callable[[], bool]) -> None:
        wait_for(op, self.condition, lambda: len(self._entries) > at or not (self.live and connected()))

    def _start(self, tail: int | None, since: float | None) -> int:
        start = 0
        if since is not None:
            moment = since
            start = next((at for at, entry in enumerate(self._entries) if entry[0] >= moment), len(self._entries))
        if tail is None:
            return start
        at, lines = len(self._entries), 0
        while at > start:
            if self._entries[at - 1][2].endswith(b"\n") or at == len(self._entries):
                if lines == tail:
                    break
                lines += 1
            at -= 1
        return at
