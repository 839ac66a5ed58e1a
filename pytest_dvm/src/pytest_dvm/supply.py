"""`Supply`: creates, resets and removes the workspaces of one run on one runtime."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import DvmError, UnsupportedError, WorkspaceNotFoundError
from dvm_runtimes.runtime import ContainerRuntime

from .recorder import record_starts
from .records import exclusive, made
from .request import WorkspaceRequest
from .workspace import Workspace

if TYPE_CHECKING:
    from dvm_runtimes.cleanup.ledger import Ledger
    from dvm_runtimes.options import StartOptions
    from dvm_runtimes.runtime import ContainerRuntime

    from .reset import Resetter
    from .run import Run

KEPT = "dvm_kept"
"""The property of a report that names a workspace that is kept."""
READY = 2
"""Workspaces of a kind that are created in advance if they cannot be reset."""
PAYS = 2
"""A second workspace that can be reset is created if it saves this multiple of its start time, as measured in this run:
one is reset while the other is in use."""
PATIENCE = 3
"""Failed resets in a row after which a kind is no longer reset."""


class Supply:
    """Creates, resets and removes workspaces on one runtime.

    Args:
        run: the run.
        name: the runtime's name as the user gave it.
        runtime: the runtime.
    """

    def __init__(self, run: Run, name: str, runtime: ContainerRuntime) -> None:
        self.run = run
        self.name = name
        self.runtime = runtime
        self._start = runtime.start_workspace
        record_starts(runtime, run.records)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ready: defaultdict[str, deque[Future[Workspace]]] = defaultdict(deque)
        self._expected: Counter[str] = Counter()
        self._session: dict[str, Future[Workspace]] = {}
        self._warm: dict[str, Resetter] = {}
        self._dirty: Counter[str] = Counter()
        """Failed resets of a kind in a row."""
        self._start_seconds: dict[str, float] = {}
        self._reset_seconds: dict[str, float] = {}
        """Duration of the last start and the last reset of a kind."""
        self._there: set[str] = set()
        """Names of this process's containers that have not been removed."""
        self._volumes: dict[str, tuple[str, ...]] = {}
        """The volumes that are removed with a container, by its name."""

    # For one test

    def expect(self, request: WorkspaceRequest, tests: int = 1, *, now: bool = True) -> None:
        """Announce that ``tests`` more tests will take such a workspace; with ``now``, start the first at once."""
        with self._lock:
            self._expected[request.key] += tests
        if now:
            self._prepare(request)

    def take(self, request: WorkspaceRequest) -> Workspace:
        """A workspace that contains nothing of another test.

        Raises:
            DvmError: it could not be started.
        """
        with self._lock:
            self._expected[request.key] -= 1
            waiting = self._ready[request.key]
        self._prepare(request)
        if waiting:
            # A reset may be done long before a start.
            done, _ = wait(list(waiting), return_when=FIRST_COMPLETED)
            first = next(iter(done))
            with self._lock:
                waiting.remove(first)
            self._prepare(request)
            try:
                return first.result()
            except DvmError:
                pass  # created in advance, perhaps too early: try again for this test
        return self._make_warm(request)

    def give_back(self, workspace: Workspace, request: WorkspaceRequest) -> None:
        """Reset or remove the workspace of a test that is over."""
        container = workspace.retire()
        if request.alone:
            self.remove(workspace.name)
            return
        with self._lock:
            waiting = self._ready[request.key]
            again = workspace.name in self._warm and len(waiting) < self._expected[request.key]
            if again:
                waiting.append(self.run.submit(self._again, request, workspace.name, container))
        if not again:
            self._let_go(workspace.name)

    def keep(self, workspace: Workspace, node: Any) -> None:
        """Keep it, and report the command that attaches to it."""
        self._cool(workspace.name)
        self.forget(workspace.name)
        node.user_properties.append((KEPT, f"dvm attach {workspace.name} --runtime {self.runtime.selector}"))

    def _prepare(self, request: WorkspaceRequest) -> None:
        if request.alone:
            return
        with self._lock:
            waiting = self._ready[request.key]
            while len(waiting) < min(self._ahead(request), self._expected[request.key]):
                waiting.append(self.run.submit(self._make_warm, request))

    def _ahead(self, request: WorkspaceRequest) -> int:
        """How many workspaces of a kind to have ready, besides the one in use."""
        key = request.key
        if self._dirty[key] >= PATIENCE or not request.resettable:
            return READY
        if key not in self._start_seconds or self._dirty[key]:
            return 1
        saved = self._expected[key] * self._reset_seconds.get(key, 0.0)
        return 1 if saved > PAYS * self._start_seconds[key] else 0

    # Resetting

    def _make_warm(self, request: WorkspaceRequest) -> Workspace:
        """Create a workspace, with a resetter if it can be reset and another test will use it."""
        runtime, key = self.runtime, request.key
        useful = self._expected[key] > 1 and self._dirty[key] < PATIENCE and request.resettable
        if not useful:
            return self.make(request)
        from .reset import Resetter

        began = time.monotonic()
        bare = request._replace(files={}, options=dataclasses.replace(request.options, ready=None))
        workspace = self.make(bare)
        resetter = Resetter(runtime.engine, workspace.id)
        if resetter.begin():
            self._warm[workspace.name] = resetter
        else:
            self._dirty[key] = PATIENCE
        self._start_seconds[key] = time.monotonic() - began
        return self._finish(request, workspace.name, workspace.id)

    def _again(self, request: WorkspaceRequest, name: str, container: str) -> Workspace:
        """Reset the workspace; create a new one if the state differs."""
        began = time.monotonic()
        if self._warm[name].reset():
            self._dirty[request.key] = 0
            self._reset_seconds[request.key] = time.monotonic() - began
            return self._finish(request, name, container)
        self._dirty[request.key] += 1
        self.remove(name)
        return self._make_warm(request)

    def _finish(self, request: WorkspaceRequest, name: str, container: str) -> Workspace:
        options = self._options(request, name)
        workspace = Workspace(self.runtime, container, options, self.run.settings.timeout)
        try:
            if request.files or options.ready is not None:
                self._furnish(workspace, request, options)
        except BaseException:
            self.remove(name)
            raise
        return workspace

    def _cool(self, name: str) -> None:
        resetter = self._warm.pop(name, None)
        if resetter is not None:
            resetter.close()

    # For the whole run

    def session(self, request: WorkspaceRequest) -> Future[Workspace]:
        """The workspace of this kind for the whole run; started by the first call."""
        with self._lock:
            if request.key not in self._session:
                self._session[request.key] = self.run.submit(self._share, request)
            return self._session[request.key]

    def end_session(self, request: WorkspaceRequest, workspace: Workspace) -> None:
        """Remove it after the last test of this process, unless other processes share it until the end of the run."""
        if not self.run.place.shared or not self.runtime.removal():
            with self._lock:
                self._session.pop(request.key, None)
            self._let_go(workspace.name)

    def _share(self, request: WorkspaceRequest) -> Workspace:
        ledger = self.run.records.ledger_for(self.runtime)
        name = f"dvm-test-{self.run.place.run}-{request.key}"
        if ledger is self.run.records.own:
            return self.make(request, name=name)
        options = self._options(request, name)  # builds the image, under a lock of its own
        image = options.image_name
        with exclusive(ledger):
            if made(ledger, "container", name):
                found = self.runtime.find_workspace(name, cancel=self.run.cancel)
                if found is not None:
                    return Workspace(self.runtime, found.id, options, self.run.settings.timeout)
            request = request._replace(options=dataclasses.replace(request.options, image_name=image), build=None)
            return self.make(request, name=name, ledger=ledger)

    def _let_go(self, name: str) -> None:
        """Remove it in the background; after the last test, leave it to the reaper if that needs no command."""
        if self.run.ending and "socket" in self.runtime.removal():
            self._cool(name)
        else:
            self.run.submit(self.remove, name)

    # Creating and removing

    def make(
        self,
        request: WorkspaceRequest,
        *,
        name: str = "",
        network: str = "",
        alias: str = "",
        volumes: str = "",
        ledger: Ledger | None = None,
    ) -> Workspace:
        """Create a workspace, copy its files into it and wait until it is ready.

        Args:
            request: the workspace.
            name: the container's name; default a new one.
            network: a network to join.
            alias: a further name on that network.
            volumes: prefix of its named volumes, which the caller removes; default volumes that are its own.
            ledger: the ledger; default that of this process.
        """
        name = name or f"{self.run.place.prefix}-{next(self._numbers)}"
        options = self._options(request, name, volumes)
        if network:
            options = dataclasses.replace(options, network_mode=network, network_aliases=(alias,) if alias else ())
        record = ledger or self.run.records.own
        engine = record.engine(self.runtime)
        timeout, cancel = self.run.settings.timeout, self.run.cancel
        if not volumes and not request.keep_volumes:
            self._volumes[name] = volumes_of(options)
            for volume in self._volumes[name]:
                record.plan("volume", volume, engine)
        record.plan("container", name, engine)
        if ledger is None:
            self._there.add(name)
        try:
            first = dataclasses.replace(options, ready=None) if request.files else options
            made_id = self._start(first, timeout=timeout, cancel=cancel)
            workspace = Workspace(self.runtime, made_id, options, timeout)
            record.made("container", name, engine)
            if request.files:
                self._furnish(workspace, request, options)
        except BaseException:
            self.remove(name, record)
            raise
        return workspace

    def _furnish(self, workspace: Workspace, request: WorkspaceRequest, options: StartOptions) -> None:
        from .put_files import put_files

        put_files(workspace, request.files)
        if options.ready is not None:
            # It runs already: this only waits.
            self._start(options, timeout=self.run.settings.timeout, cancel=self.run.cancel)

    def _options(self, request: WorkspaceRequest, name: str, volumes: str = "") -> StartOptions:
        records = self.run.records
        image = request.options.image_name
        if request.build is not None:
            from .images import build_once

            image = build_once(self, request.build)
        options = request.options if request.keep_volumes else with_own_volumes(request.options, volumes or name)
        return dataclasses.replace(options, image_name=image, container_name=name, owner=records.owner)

    def remove(self, name: str, record: Ledger | None = None) -> None:
        """Remove a workspace and its volumes; a missing one is no error."""
        self._cool(name)
        record = record or self.run.records.own
        try:
            self.runtime.remove_workspace(name, force=True, volumes=True)
        except WorkspaceNotFoundError:
            pass
        except DvmError:
            return  # it is in the ledger, whose resources are removed at the end
        volumes = self._volumes.pop(name, ())
        self.forget(name, record)
        self.remove_volumes(volumes, record)

    def forget(self, name: str, record: Ledger | None = None) -> None:
        """Remove a workspace and its volumes from the ledger: they are gone, or are to be kept."""
        record = record or self.run.records.own
        engine = record.engine(self.runtime)
        record.gone("container", name, engine)
        for volume in self._volumes.pop(name, ()):
            record.gone("volume", volume, engine)
        self._there.discard(name)

    def volume_prefix(self) -> str:
        """A prefix for the volumes that the workspaces of one test share."""
        return f"{self.run.place.prefix}-volumes-{next(self._numbers)}"

    def plan_volumes(self, names: Iterable[str]) -> None:
        """Record volumes that are about to be created."""
        record = self.run.records.own
        for name in names:
            record.plan("volume", name, record.engine(self.runtime))

    def remove_volumes(self, names: Iterable[str], record: Ledger | None = None, *, keep: bool = False) -> None:
        """Remove volumes, or leave them to the workspaces that are kept."""
        record = record or self.run.records.own
        for name in names:
            try:
                if not keep:
                    self.runtime.remove_volume(name)
            except DvmError:
                continue  # it is in the ledger, whose resources are removed at the end
            record.gone("volume", name, record.engine(self.runtime))

    def make_network(self) -> str:
        """Create a network for the workspaces of one test; returns its name.

        Raises:
            UnsupportedError: this engine has none.
        """
        name = f"{self.run.place.prefix}-net-{next(self._numbers)}"
        record = self.run.records.own
        engine = record.engine(self.runtime)
        record.plan("network", name, engine)
        try:
            self.runtime.create_network(name, cancel=self.run.cancel)
        except UnsupportedError:
            record.gone("network", name, engine)
            raise
        record.made("network", name, engine)
        return name

    def remove_network(self, name: str, *, keep: bool = False) -> None:
        """Remove a network, or keep it with its workspaces."""
        record = self.run.records.own
        try:
            if not keep:
                self.runtime.remove_network(name)
        except DvmError:
            return  # it is in the ledger, whose resources are removed at the end
        record.gone("network", name, record.engine(self.runtime))

    def close(self) -> None:
        """Close resetters, and remove workspaces of an engine in this process's memory, which no reaper can."""
        for name in list(self._warm):
            self._cool(name)
        if not self.runtime.removal():
            for name in list(self._there):
                self.remove(name)


def with_own_volumes(options: StartOptions, prefix: str) -> StartOptions:
    """The options with named volumes that no other test has: ``data`` becomes ``PREFIX-data``."""
    mounts = [
        dataclasses.replace(mount, source=f"{prefix}-{_short(mount.source)}") if mount.type == "volume" else mount
        for mount in options.mounts
    ]
    return dataclasses.replace(options, mounts=mounts)


def volumes_of(options: StartOptions) -> tuple[str, ...]:
    """The names of the volumes that a workspace mounts."""
    return tuple(dict.fromkeys(mount.source for mount in options.mounts if mount.type == "volume"))


def _short(name: str) -> str:
    return name if len(name) <= 64 else hashlib.sha256(name.encode()).hexdigest()[:16]
