"""Processes of a container: threads that can be sent signals, paused and waited for.

Every wait of a process is `Process.block`, so that a signal, a pause or the
container's end always reaches it. One lock guards all that an engine's
processes share; nothing holds it while it waits for anything else.
"""

from __future__ import annotations

import contextlib
import errno
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from . import signals
from .tree import Who, problem

if TYPE_CHECKING:
    from .handles import OpenFile
    from .table import ProcessTable
    from .terminals import PseudoTerminal
    from .tree import Tree

Body = Callable[["Process"], int]


class KilledError(Exception):
    """A signal ends the process it reached."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


class ExitedError(Exception):
    """The process ends itself."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class InterruptedBySignalError(Exception):
    """A signal that the process has a trap for came while it waited."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


class Process:
    """One process.

    Attributes:
        table: the processes it is among.
        tree: the files it sees.
        pid, parent, session, group: numbers, as the kernel has them.
        argv, env, cwd, who: as the kernel has them.
        files: its open files by number.
        terminal: its controlling terminal.
        ignored: signals that do nothing to it and to what it starts.
        caught: signals that its shell has a trap for.
        trapped: such signals, come but not yet acted upon.
        status: what `wait` gives once it has ended: its exit code, or 128 and the signal.
    """

    def __init__(self, table: ProcessTable, tree: Tree, argv: list[str], *, parent: Process | None = None) -> None:
        self.table = table
        self.tree = tree
        self.argv = argv
        self.parent = parent
        self.pid = 0
        self.session = 0
        self.group = 0
        self.env: dict[str, str] = {}
        self.cwd = "/"
        self.who = Who(0, 0)
        self.files: dict[int, OpenFile] = {}
        self.terminal: PseudoTerminal | None = None
        self.ignored: set[int] = set()
        self.caught: set[int] = set()
        self.trapped: deque[int] = deque()
        self.status: int | None = None
        self.started = time.time()
        self.on_end: list[Callable[[int], None]] = []
        self._pending: deque[int] = deque()
        self._waits_on: threading.Condition | None = None
        self._heeds_traps = False

    # Its life

    def fork(self, argv: list[str], files: dict[int, OpenFile] | None = None) -> Process:
        """A child with copies of all that is inherited, not running yet.

        Args:
            argv: the child's argv.
            files: its open files, which it owns from now on; default copies of this one's.

        Raises:
            OSError: there are too many processes.
        """
        child = Process(self.table, self.tree, argv, parent=self)
        child.session, child.group = self.session, self.group
        child.env, child.cwd, child.who = dict(self.env), self.cwd, self.who
        child.terminal = self.terminal
        child.ignored = set(self.ignored)
        child.files = self.copy_files() if files is None else files
        try:
            with self.table.lock:
                self._deliver()
                self.table.admit(child)
        except BaseException:
            child.close_files()
            raise
        return child

    def start(self, body: Body) -> None:
        """Run ``body`` in a thread; its result is the exit code."""
        self.table.run(self, body)

    def live(self, body: Body) -> None:
        """Run ``body`` here and end with what it gives."""
        status = 255
        try:
            status = body(self) & 0xFF
        except ExitedError as end:
            status = end.code & 0xFF
        except KilledError as end:
            status = 128 + end.signal
        except Exception:  # noqa: BLE001 -- a program that crashes must end like one
            self._crash()
        finally:
            self.end(status)

    def _crash(self) -> None:
        with contextlib.suppress(Exception):
            self.write(2, traceback.format_exc().encode())

    def end(self, status: int) -> None:
        """Close its files and let everybody know."""
        self.close_files()
        with self.table.lock:
            self.status = status
            self.table.alive.pop(self.pid, None)
            self.table.changed.notify_all()
            ends = list(self.on_end)
        for act in ends:
            act(status)

    # Signals

    def signal(self, number: int) -> None:
        """Send it a signal."""
        with self.table.lock:
            if self.status is None:
                self._pending.append(number)
                self.wake()

    def wake(self) -> None:
        """Let it look whether it still has to wait; the lock is held."""
        if self._waits_on is not None:
            self._waits_on.notify_all()

    def checkpoint(self) -> None:
        """Where a process that works without waiting takes its signals and its pauses.

        Raises:
            KilledError: a signal ended it.
        """
        if self._pending or self.table.paused:
            with self.table.lock:
                self._deliver()

    def _deliver(self) -> None:
        while True:
            if signals.KILL in self._pending:
                raise KilledError(signals.KILL)
            if self.table.paused:
                self._wait(self.table.changed, None)
            elif self._pending:
                self._take(self._pending.popleft())
            else:
                return

    def _take(self, number: int) -> None:
        if number in self.ignored:
            return
        if number in self.caught:
            self.trapped.append(number)
        elif number not in signals.IGNORED and self.pid != 1:
            # The kernel's rule: what the first process has no handler for does not reach it.
            raise KilledError(number)

    def block(
        self,
        condition: threading.Condition,
        ready: Callable[[], bool],
        seconds: float | None = None,
    ) -> bool:
        """Wait until ``ready``, at most ``seconds``; whether it was. ``condition`` belongs to the engine's lock.

        Raises:
            KilledError: a signal ended the process.
            InterruptedBySignalError: within `interruptible`, and a trapped signal came.
        """
        end = None if seconds is None else time.monotonic() + seconds
        with self.table.lock:
            while True:
                self._deliver()
                if ready():
                    return True
                if self._heeds_traps and self.trapped:
                    raise InterruptedBySignalError(self.trapped[0])
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._wait(condition, left)

    def _wait(self, condition: threading.Condition, seconds: float | None) -> None:
        before, self._waits_on = self._waits_on, condition
        try:
            condition.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX))
        finally:
            self._waits_on = before

    def sleep(self, seconds: float | None) -> None:
        """Do nothing for so long; None for ever."""
        self.block(self.table.changed, lambda: False, seconds)

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within the block, a trapped signal ends a wait, as it does in ``read`` and ``wait`` of a shell."""
        self._heeds_traps = True
        try:
            yield
        finally:
            self._heeds_traps = False

    def wait_for(self, child: Process) -> int:
        """The status of a child, once it has ended."""
        self.block(self.table.changed, lambda: child.status is not None)
        assert child.status is not None
        return child.status

    # Files

    def copy_files(self) -> dict[int, OpenFile]:
        """Its open files once more, for a child."""
        return {number: file.retain() for number, file in self.files.items()}

    def close_files(self) -> None:
        """Close all of them."""
        while self.files:
            self.files.popitem()[1].release()

    def file(self, number: int) -> OpenFile:
        """An open file.

        Raises:
            OSError: there is none of that number.
        """
        found = self.files.get(number)
        if found is None:
            raise problem(errno.EBADF)
        return found

    def read(self, number: int, size: int = 65536) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        self.checkpoint()
        return self.file(number).read(self, size)

    def read_all(self, number: int) -> Iterator[bytes]:
        """What is left to read, in pieces."""
        while piece := self.read(number):
            yield piece

    def write(self, number: int, data: bytes) -> None:
        """Write all of ``data``.

        Raises:
            KilledError: nobody reads it any more (SIGPIPE).
        """
        self.checkpoint()
        if data:
            self.file(number).write(self, data)

    def broken_pipe(self) -> None:
        """Somebody closed the other end: SIGPIPE, or the error where that is ignored."""
        if signals.PIPE in self.ignored or signals.PIPE in self.caught:
            raise problem(errno.EPIPE)
        raise KilledError(signals.PIPE)

    def say(self, text: str) -> None:
        """Write a line to standard error."""
        with contextlib.suppress(OSError):
            self.write(2, f"{text}\n".encode(errors="surrogateescape"))

    def put(self, text: str) -> None:
        """Write text to standard output."""
        self.write(1, text.encode(errors="surrogateescape"))
