"""Starting a workspace as it is, stopping it, and stopping all of them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping

from dvm_runtimes.engines.base import Container, Engine
from dvm_runtimes.errors import DvmError, InvalidOptionError
from dvm_runtimes.infos import StopAllResult, WorkspaceStatus
from dvm_runtimes.operation import Operation
from dvm_runtimes.validation.naming import MANAGED, is_managed

from . import lookup

_PARALLEL_STOPS = 16
_ENDED = (WorkspaceStatus.EXITED, WorkspaceStatus.CREATED, WorkspaceStatus.DEAD)


class Turns:
    """Lets calls about one name wait for each other, in this process."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def turn(self, name: str, op: Operation) -> Iterator[None]:
        """Hold the turn of ``name``; ``op`` limits the wait for it."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        while not lock.acquire(timeout=0.05):
            op.check()
        try:
            yield
        finally:
            lock.release()


def list_ours(engine: Engine, op: Operation, labels: Mapping[str, str]) -> list[Container]:
    """Every container of ours that has all these labels."""
    found = engine.list_containers(op, {**labels, MANAGED: "true"})
    return [container for container in found if is_managed(container.labels)]


def start_existing(engine: Engine, op: Operation, reference: str) -> Container:
    """Resume or start the workspace that ``reference`` names; as it is after that.

    Raises:
        WorkspaceNotFoundError: there is none, or it was removed meanwhile.
        WorkspaceNotRunningError: it ended at once.
    """
    found = lookup.get(engine, op, reference)
    if found.status is WorkspaceStatus.RUNNING:
        return found
    op.step = f"starting {found.name}"
    if found.status is WorkspaceStatus.PAUSED:
        engine.resume_container(op, found.id)
    else:
        engine.ssh_agent_socket()  # lets the path that it may have mounted lead to the agent of now
        engine.start_container(op, found.id)
    now = engine.inspect_container(op, found.id)
    if now is None:
        raise lookup.not_found(engine, op, found.name)
    if now.status is not WorkspaceStatus.RUNNING:
        from .readiness import last_lines

        error = lookup.ended_at_once(engine, op, now)
        error.logs = last_lines(engine, op, now.id)
        raise error
    return now


def stop(engine: Engine, op: Operation, container: Container, grace: float) -> None:
    """Stop a container in any state."""
    if container.status is WorkspaceStatus.PAUSED:
        # A frozen process cannot end itself; engines would wait the whole grace.
        engine.resume_container(op, container.id)
    if container.status not in _ENDED:
        engine.stop_container(op, container.id, grace)


def stop_all(engine: Engine, op: Operation, grace: float) -> StopAllResult:
    """Stop every workspace that runs, in parallel."""
    running = [one for one in list_ours(engine, op, {}) if one.status not in (*_ENDED, WorkspaceStatus.REMOVING)]
    failed: dict[str, str] = {}

    def stop_one(container: Container) -> None:
        try:
            stop(engine, op, container, grace)
        except DvmError as error:
            op.check()  # the call was cut short, which is no failure of this workspace
            failed[container.name] = str(error)

    if running:
        from concurrent.futures import ThreadPoolExecutor  # slow to load

        with ThreadPoolExecutor(min(_PARALLEL_STOPS, len(running)), thread_name_prefix="dvm-stop") as pool:
            list(pool.map(stop_one, running))
    return StopAllResult(tuple(sorted(one.name for one in running if one.name not in failed)), failed)


def check_grace(grace: float) -> None:
    """Refuse what is no number of seconds from 0 to a day.

    Raises:
        InvalidOptionError: naming ``grace``.
    """
    if isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace <= 86400:
        raise InvalidOptionError("grace", grace, "must be a number of seconds from 0 to 86400")
