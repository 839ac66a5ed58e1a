"""Health checks: a command that a container's image has run again and again."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dvm_runtimes.builds.dockerfile import HealthCheck
from dvm_runtimes.infos import EventKind

from .handles import NullHandle
from .launching import CommandProblem, prepare
from .processes import KilledError, Process

if TYPE_CHECKING:
    from .containers import MockContainer
    from .runs import Run


class HealthMonitor:
    """Watches over one run's health, in a thread that ends with it."""

    def __init__(self, container: MockContainer, run: Run, check: HealthCheck) -> None:
        self._container = container
        self._run = run
        self._check = check
        self._over = threading.Event()
        container.health = "starting"
        self._thread = threading.Thread(target=self._watch, name="mock-health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._over.set()

    def _watch(self) -> None:
        failures = 0
        began = time.monotonic()
        while not self._over.wait(self._check.interval):
            if self._probe() == 0:
                failures = 0
                self._say("healthy")
            elif time.monotonic() - began >= self._check.start_period or self._container.health != "starting":
                failures += 1
                if failures >= self._check.retries:
                    self._say("unhealthy")

    def _say(self, health: str) -> None:
        world = self._container.world
        with world.lock:
            if self._container.run is self._run and self._container.health != health:
                self._container.health = health
                world.publish(EventKind.HEALTH, self._container)
                world.changed.notify_all()

    def _probe(self) -> int:
        from .runs import dress

        run = self._run
        process = Process(run.table, run.tree, list(self._check.command))
        try:
            dress(self._container, process, self._container.spec.user)
            process.cwd = self._container.working_dir
            body = prepare(process, process.argv)
            with run.table.lock:
                run.table.admit(process)
            process.session = process.group = process.pid
            process.files = {number: NullHandle() for number in range(3)}
            process.start(body)
        except (CommandProblem, KilledError, OSError):
            return 1
        with run.table.lock:
            ended = run.table.changed.wait_for(lambda: process.status is not None, self._check.timeout)
        if not ended:
            run.table.kill_session(process.session)
            return 1
        return process.status or 0
