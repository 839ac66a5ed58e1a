"""`Supply`: the workspaces of one run on one runtime, made before they are asked for where that is known."""

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
from .records import made, turn
from .request import Wanted
from .workspace import Workspace

if TYPE_CHECKING:
    from dvm_runtimes.cleanup.ledger import Ledger
    from dvm_runtimes.options import StartOptions
    from dvm_runtimes.runtime import ContainerRuntime

    from .reset import Resetter
    from .run import Run

KEPT = "dvm_kept"
"""The property of a report that tells of a workspace that stays."""
READY = 2
"""How many workspaces of a kind that cannot be reset are made in advance."""
PAYS = 2
"""How many times over a second workspace of another kind must save the time of its start: while one is reset, the
other is in use. By what the engine takes for both, as measured in this run."""
PATIENCE = 3
"""Resets in a row that may fail until a kind counts as one that cannot be reset."""


class Supply:
    """Makes, hands out and removes workspaces on one runtime.

    Args:
        run: of this process.
        name: what the user called the runtime.
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
        """How many resets of a kind have failed in a row."""
        self._start_seconds: dict[str, float] = {}
        self._reset_seconds: dict[str, float] = {}
        """What the last start and the last reset of a kind took."""
        self._there: set[str] = set()
        """Names of containers of this process's own that have not been removed."""
        self._volumes: dict[str, tuple[str, ...]] = {}
        """The volumes that are removed with a container, by its name."""

    # For one test

    def expect(self, wanted: Wanted, tests: int = 1, *, now: bool = True) -> None:
        """``tests`` more tests will take one of these; with ``now``, the first is started at once."""
        with self._lock:
            self._expected[wanted.key] += tests
        if now:
            self._prepare(wanted)

    def take(self, wanted: Wanted) -> Workspace:
        """A workspace in which nothing of another test is to be seen.

        Raises:
            DvmError: it could not be started.
        """
        with self._lock:
            self._expected[wanted.key] -= 1
            waiting = self._ready[wanted.key]
        self._prepare(wanted)
        if waiting:
            # One that is reset may be ready long before one that is started.
            done, _ = wait(list(waiting), return_when=FIRST_COMPLETED)
            first = next(iter(done))
            with self._lock:
                waiting.remove(first)
            self._prepare(wanted)
            try:
                return first.result()
            except DvmError:
                pass  # made in advance, perhaps too early: the test gets an error of its own
        return self._make_warm(wanted)

    def give_back(self, workspace: Workspace, wanted: Wanted) -> None:
        """The test is over: nothing of it is seen by another."""
        container = workspace.retire()
        if wanted.alone:
            self.remove(workspace.name)
            return
        with self._lock:
            waiting = self._ready[wanted.key]
            again = workspace.name in self._warm and len(waiting) < self._expected[wanted.key]
            if again:
                waiting.append(self.run.submit(self._again, wanted, workspace.name, container))
        if not again:
            self._let_go(workspace.name)

    def keep(self, workspace: Workspace, node: Any) -> None:
        """Leave it to the user, and tell how to get into it."""
        self._cool(workspace.name)
        self.forget(workspace.name)
        node.user_properties.append((KEPT, f"dvm attach {workspace.name} --runtime {self.runtime.selector}"))

    def _prepare(self, wanted: Wanted) -> None:
        if wanted.alone:
            return
        with self._lock:
            waiting = self._ready[wanted.key]
            while len(waiting) < min(self._ahead(wanted), self._expected[wanted.key]):
                waiting.append(self.run.submit(self._make_warm, wanted))

    def _ahead(self, wanted: Wanted) -> int:
        """How many of a kind are to be ready, besides the one that is in use."""
        key = wanted.key
        if self._dirty[key] >= PATIENCE or not wanted.keeps_nothing:
            return READY
        if key not in self._start_seconds or self._dirty[key]:
            return 1
        saved = self._expected[key] * self._reset_seconds.get(key, 0.0)
        return 1 if saved > PAYS * self._start_seconds[key] else 0

    # Used again

    def _make_warm(self, wanted: Wanted) -> Workspace:
        """A new one, which is looked after from its beginning if it can be reset, and if another test is to have it."""
        runtime, key = self.runtime, wanted.key
        useful = self._expected[key] > 1 and self._dirty[key] < PATIENCE and wanted.keeps_nothing
        if not useful:
            return self.make(wanted)
        from .reset import Resetter

        began = time.monotonic()
        bare = wanted._replace(files={}, options=dataclasses.replace(wanted.options, ready=None))
        workspace = self.make(bare)
        resetter = Resetter(runtime.engine, workspace.id)
        if resetter.begin():
            self._warm[workspace.name] = resetter
        else:
            self._dirty[key] = PATIENCE
        self._start_seconds[key] = time.monotonic() - began
        return self._finish(wanted, workspace.name, workspace.id)

    def _again(self, wanted: Wanted, name: str, container: str) -> Workspace:
        """The same one, reset; a new one if anything is not as it was."""
        began = time.monotonic()
        if self._warm[name].reset():
            self._dirty[wanted.key] = 0
            self._reset_seconds[wanted.key] = time.monotonic() - began
            return self._finish(wanted, name, container)
        self._dirty[wanted.key] += 1
        self.remove(name)
        return self._make_warm(wanted)

    def _finish(self, wanted: Wanted, name: str, container: str) -> Workspace:
        options = self._options(wanted, name)
        workspace = Workspace(self.runtime, container, options, self.run.settings.timeout)
        try:
            if wanted.files or options.ready is not None:
                self._furnish(workspace, wanted, options)
        except BaseException:
            self.remove(name)
            raise
        return workspace

    def _cool(self, name: str) -> None:
        resetter = self._warm.pop(name, None)
        if resetter is not None:
            resetter.close()

    # For the whole run

    def session(self, wanted: Wanted) -> Future[Workspace]:
        """The one workspace of this kind that the whole run has; started now, if nobody did."""
        with self._lock:
            if wanted.key not in self._session:
                self._session[wanted.key] = self.run.submit(self._share, wanted)
            return self._session[wanted.key]

    def end_session(self, wanted: Wanted, workspace: Workspace) -> None:
        """No test of this process needs it any more; where others may, it is left to the end of the run."""
        if not self.run.place.shared or not self.runtime.removal():
            with self._lock:
                self._session.pop(wanted.key, None)
            self._let_go(workspace.name)

    def _share(self, wanted: Wanted) -> Workspace:
        ledger = self.run.records.ledger_for(self.runtime)
        name = f"dvm-test-{self.run.place.run}-{wanted.key}"
        if ledger is self.run.records.own:
            return self.make(wanted, name=name)
        options = self._options(wanted, name)  # builds the image, which is a turn of its own
        image = options.image_name
        with turn(ledger):
            if made(ledger, "container", name):
                found = self.runtime.find_workspace(name, cancel=self.run.cancel)
                if found is not None:
                    return Workspace(self.runtime, found.id, options, self.run.settings.timeout)
            wanted = wanted._replace(options=dataclasses.replace(wanted.options, image_name=image), build=None)
            return self.make(wanted, name=name, ledger=ledger)

    def _let_go(self, name: str) -> None:
        """Remove it, behind the tests' back; at the end of the run, together with all that is left.

        Not where that takes a command, which has to load a driver that is loaded here already.
        """
        if self.run.ending and "socket" in self.runtime.removal():
            self._cool(name)
        else:
            self.run.submit(self.remove, name)

    # Making and removing

    def make(
        self,
        wanted: Wanted,
        *,
        name: str = "",
        network: str = "",
        alias: str = "",
        volumes: str = "",
        ledger: Ledger | None = None,
    ) -> Workspace:
        """Start one, put its files in it and wait until it is ready.

        Args:
            wanted: its kind.
            name: the container's; default a new one.
            network: what it is on, besides what ``wanted`` says.
            alias: what others on that network call it too.
            volumes: prefix of its named volumes, which the caller removes; default volumes that are its own.
            ledger: where it is written down; default this process's own.
        """
        name = name or f"{self.run.place.prefix}-{next(self._numbers)}"
        options = self._options(wanted, name, volumes)
        if network:
            options = dataclasses.replace(options, network_mode=network, network_aliases=(alias,) if alias else ())
        record = ledger or self.run.records.own
        engine = record.engine(self.runtime)
        timeout, cancel = self.run.settings.timeout, self.run.cancel
        if not volumes and not wanted.keep_volumes:
            self._volumes[name] = volumes_of(options)
            for volume in self._volumes[name]:
                record.plan("volume", volume, engine)
        record.plan("container", name, engine)
        if ledger is None:
            self._there.add(name)
        try:
            first = dataclasses.replace(options, ready=None) if wanted.files else options
            made_id = self._start(first, timeout=timeout, cancel=cancel)
            workspace = Workspace(self.runtime, made_id, options, timeout)
            record.made("container", name, engine)
            if wanted.files:
                self._furnish(workspace, wanted, options)
        except BaseException:
            self.remove(name, record)
            raise
        return workspace

    def _furnish(self, workspace: Workspace, wanted: Wanted, options: StartOptions) -> None:
        from .put_files import place_files

        place_files(workspace, wanted.files)
        if options.ready is not None:
            # It runs already: this waits, and starts nothing.
            self._start(options, timeout=self.run.settings.timeout, cancel=self.run.cancel)

    def _options(self, wanted: Wanted, name: str, volumes: str = "") -> StartOptions:
        records = self.run.records
        image = wanted.options.image_name
        if wanted.build is not None:
            from .images import build_once

            image = build_once(self, wanted.build)
        options = wanted.options if wanted.keep_volumes else with_own_volumes(wanted.options, volumes or name)
        return dataclasses.replace(options, image_name=image, container_name=name, owner=records.owner)

    def remove(self, name: str, record: Ledger | None = None) -> None:
        """Remove a workspace, whatever its state; one that is gone is no error."""
        self._cool(name)
        record = record or self.run.records.own
        try:
            self.runtime.remove_workspace(name, force=True, volumes=True)
        except WorkspaceNotFoundError:
            pass
        except DvmError:
            return  # it stays in the ledger, which is emptied at the end
        volumes = self._volumes.pop(name, ())
        self.forget(name, record)
        self.remove_volumes(volumes, record)

    def forget(self, name: str, record: Ledger | None = None) -> None:
        """Strike a workspace off the ledger, with its volumes: it is gone, or it is to stay."""
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
                continue  # it stays in the ledger, which is emptied at the end
            record.gone("volume", name, record.engine(self.runtime))

    def make_network(self) -> str:
        """A network for the workspaces of one test; its name.

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
        """Remove a network, or leave it to the workspaces that are kept on it."""
        record = self.run.records.own
        try:
            if not keep:
                self.runtime.remove_network(name)
        except DvmError:
            return  # it stays in the ledger, which is emptied at the end
        record.gone("network", name, record.engine(self.runtime))

    def close(self) -> None:
        """Remove what no ledger can: things that only this process sees."""
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
