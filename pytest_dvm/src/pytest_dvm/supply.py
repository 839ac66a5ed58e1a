"""`Supply`: the workspaces of one run on one runtime, made before they are asked for where that is known."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections import Counter, defaultdict, deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from dvm_runtimes.errors import DvmError, UnsupportedError, WorkspaceNotFoundError

from .building import build_once
from .placing import place_files
from .records import made, turn
from .wanted import Wanted
from .workspace import Workspace

if TYPE_CHECKING:
    from dvm_runtimes.ledger import Ledger
    from dvm_runtimes.options import StartOptions
    from dvm_runtimes.runtime import ContainerRuntime

    from .run import Run

KEPT = "dvm_kept"
"""The property of a report that tells of a workspace that stays."""
READY = 2
"""How many workspaces of one kind are made in advance."""


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
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ready: defaultdict[str, deque[Future[Workspace]]] = defaultdict(deque)
        self._expected: Counter[str] = Counter()
        self._session: dict[str, Future[Workspace]] = {}
        self._there: set[str] = set()
        """Names of containers of this process's own that have not been removed."""

    # For one test

    def expect(self, wanted: Wanted, tests: int = 1) -> None:
        """``tests`` more tests will take one of these."""
        with self._lock:
            self._expected[wanted.key] += tests
        self._prepare(wanted)

    def take(self, wanted: Wanted) -> Workspace:
        """A workspace that no test has seen.

        Raises:
            DvmError: it could not be started.
        """
        with self._lock:
            self._expected[wanted.key] -= 1
            waiting = self._ready[wanted.key]
            future = waiting.popleft() if waiting else None
        self._prepare(wanted)
        if future is not None:
            try:
                return future.result()
            except DvmError:
                pass  # made in advance, perhaps too early: the test gets an error of its own
        return self.make(wanted)

    def give_back(self, workspace: Workspace, wanted: Wanted) -> None:
        """The test is over: nothing of the workspace is seen by another."""
        if wanted.alone:
            self.remove(workspace.name)
        else:
            self.run.background.submit(self.remove, workspace.name)

    def keep(self, workspace: Workspace, node: Any) -> None:
        """Leave it to the user, and tell how to get into it."""
        self.forget(workspace.name)
        node.user_properties.append((KEPT, f"dvm attach {workspace.name} --runtime {self.name}"))

    def _prepare(self, wanted: Wanted) -> None:
        if wanted.alone:
            return
        with self._lock:
            waiting = self._ready[wanted.key]
            while len(waiting) < min(READY, self._expected[wanted.key]):
                waiting.append(self.run.background.submit(self.make, wanted))

    # For the whole run

    def session(self, wanted: Wanted) -> Future[Workspace]:
        """The one workspace of this kind that the whole run has; started now, if nobody did."""
        with self._lock:
            if wanted.key not in self._session:
                self._session[wanted.key] = self.run.background.submit(self._share, wanted)
            return self._session[wanted.key]

    def _share(self, wanted: Wanted) -> Workspace:
        ledger = self.run.records.ledger_for(self.runtime)
        name = f"dvm-test-{self.run.place.run}-{wanted.key}"
        if ledger is self.run.records.own:
            return self.make(wanted, name=name)
        options = self._options(wanted, name)  # builds the image, which is a turn of its own
        with turn(ledger):
            if made(ledger, "container", name):
                found = self.runtime.find_workspace(name, cancel=self.run.cancel)
                if found is not None:
                    return Workspace(self.runtime, found.id, options, self.run.settings.timeout)
            wanted = dataclasses.replace(wanted, options=options, build=None)
            return self.make(wanted, name=name, ledger=ledger)

    # Making and removing

    def make(
        self, wanted: Wanted, *, name: str = "", network: str = "", alias: str = "", ledger: Ledger | None = None
    ) -> Workspace:
        """Start one, put its files in it and wait until it is ready.

        Args:
            wanted: its kind.
            name: the container's; default a new one.
            network: what it is on, besides what ``wanted`` says.
            alias: what others on that network call it too.
            ledger: where it is written down; default this process's own.
        """
        name = name or f"{self.run.place.prefix}-{next(self._numbers)}"
        options = self._options(wanted, name)
        if network:
            options = dataclasses.replace(options, network_mode=network, network_aliases=(alias,) if alias else ())
        record = ledger or self.run.records.own
        engine = record.engine(self.runtime)
        timeout, cancel = self.run.settings.timeout, self.run.cancel
        record.plan("container", name, engine)
        if ledger is None:
            self._there.add(name)
        try:
            first = dataclasses.replace(options, ready=None) if wanted.files else options
            made_id = self.runtime.start_workspace(first, timeout=timeout, cancel=cancel)
            workspace = Workspace(self.runtime, made_id, options, timeout)
            record.made("container", name, engine)
            if wanted.files:
                place_files(workspace, wanted.files)
                if options.ready is not None:
                    # It runs already: this waits, and starts nothing.
                    self.runtime.start_workspace(options, timeout=timeout, cancel=cancel)
        except BaseException:
            self.remove(name, record)
            raise
        workspace.touched = False
        workspace.failed.clear()
        return workspace

    def _options(self, wanted: Wanted, name: str) -> StartOptions:
        records = self.run.records
        image = wanted.options.image_name if wanted.build is None else build_once(self, wanted.build)
        return dataclasses.replace(wanted.options, image_name=image, container_name=name, owner=records.owner)

    def remove(self, name: str, record: Ledger | None = None) -> None:
        """Remove a workspace, whatever its state; one that is gone is no error."""
        record = record or self.run.records.own
        try:
            self.runtime.remove_workspace(name, force=True, volumes=True)
        except WorkspaceNotFoundError:
            pass
        except DvmError:
            return  # it stays in the ledger, which is emptied at the end
        self.forget(name, record)

    def forget(self, name: str, record: Ledger | None = None) -> None:
        """Strike a workspace off the ledger: it is gone, or it is to stay."""
        record = record or self.run.records.own
        record.gone("container", name, record.engine(self.runtime))
        self._there.discard(name)

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
        if not self.runtime.removal():
            for name in list(self._there):
                self.remove(name)
