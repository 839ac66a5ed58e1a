"""The processes of one run of a container, which live and end together."""

from __future__ import annotations

import errno
import itertools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import signals
from .processes import Body, KilledError, Process
from .tree import problem

if TYPE_CHECKING:
    from dvm_runtimes.engines.base import ExecSpec

    from .network import Network

_THREADS_END = 5.0
"""Seconds for threads of killed processes; only a callable of the mock's user can take that long."""


_running = threading.local()


def current() -> Process | None:
    """The process that the calling thread is; None for a thread from outside."""
    found: Process | None = getattr(_running, "process", None)
    return found


class ProcessTable:
    """The processes of one run of a container, which all end with its main process.

    Args:
        lock: the engine's lock.
        network: where they listen.
        scripted: the scripted answer that runs instead of a command; None if there is none.
        pids_limit: processes at most; None for no limit.
    """

    def __init__(
        self,
        lock: threading.RLock,
        network: Network,
        scripted: Callable[[ExecSpec], Body | None],
        pids_limit: int | None = None,
    ) -> None:
        self.lock = lock
        self.scripted = scripted
        self.network = network
        self.changed = threading.Condition(lock)
        """A process ended, or all were paused or resumed."""
        self.paused = False
        self.ended = False
        self.alive: dict[int, Process] = {}
        self._pids = itertools.count(1)
        self._limit = pids_limit
        self._threads: set[threading.Thread] = set()

    def admit(self, process: Process) -> None:
        """Take a new process in and give it a number; the lock is held.

        Raises:
            OSError: there are too many, or the container ends.
        """
        if self.ended:
            raise KilledError(signals.KILL)
        if self._limit is not None and len(self.alive) >= self._limit:
            raise problem(errno.EAGAIN)
        process.pid = next(self._pids)
        self.alive[process.pid] = process

    def run(self, process: Process, body: Body) -> None:
        """Let ``body`` run in a thread of its own as the admitted ``process``."""
        thread = threading.Thread(target=self._run, args=(process, body), name=f"mock-{process.argv[0]}", daemon=True)
        with self.lock:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # this host has no thread left
            self._threads.discard(thread)
            process.end(255)
            raise problem(errno.EAGAIN) from None

    def _run(self, process: Process, body: Body) -> None:
        _running.process = process
        try:
            process.live(body)
        finally:
            with self.lock:
                self._threads.discard(threading.current_thread())

    def pause(self, paused: bool) -> None:
        """Freeze all processes, or let them run on."""
        with self.lock:
            self.paused = paused
            for process in list(self.alive.values()):
                process.wake()
            self.changed.notify_all()

    def signal_group(self, group: int, signal: int) -> bool:
        """Send a signal to a process group; whether there was any process in it."""
        with self.lock:
            members = [process for process in self.alive.values() if process.group == group]
            for process in members:
                process.signal(signal)
        return bool(members)

    def kill_session(self, session: int) -> None:
        """Kill a process and all that it started."""
        with self.lock:
            for process in list(self.alive.values()):
                if process.session == session:
                    process.signal(signals.KILL)

    def collapse(self) -> None:
        """Kill everything, let nothing new begin, and wait for the threads."""
        with self.lock:
            self.ended = True
            for process in list(self.alive.values()):
                process.signal(signals.KILL)
            self.changed.notify_all()
            threads = self._threads - {threading.current_thread()}
        self.network.close()
        end = time.monotonic() + _THREADS_END
        for thread in threads:
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
