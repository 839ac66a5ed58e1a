"""One container of the mock: its files, its state, and what changes it."""

from __future__ import annotations

import posixpath
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dvm_runtimes.engines.base import Container, ContainerSpec
from dvm_runtimes.errors import EngineError, WorkspaceNotRunningError
from dvm_runtimes.infos import EventKind, WorkspaceStatus
from dvm_runtimes.operation import Operation

from . import signals
from .hostnodes import host_node
from .images import Image
from .journal import Journal
from .launching import CommandProblem
from .network import PortTakenError
from .nodes import MemoryFolder, Node
from .runs import Run
from .tree import Tree
from .users import UnknownUserError
from .waits import wait_for

if TYPE_CHECKING:
    from .world import World

_RESTART_PAUSE = 0.1
"""Seconds before an engine starts a container again the first time; twice as long each time after."""


class MockContainer:
    """A container.

    Args:
        world: the engine's state, whose lock guards this.
        spec: what was asked for.
        image: what it is made from.
        volumes: the mounts of volumes: destination to the volume's name.
        restart: the engine starts it again whenever it ends.
    """

    def __init__(
        self, world: World, spec: ContainerSpec, image: Image, volumes: dict[str, str], *, restart: bool = False
    ) -> None:
        self.id = secrets.token_hex(32)
        self.name = spec.name
        self.spec = spec
        self.image = image
        self.volumes = volumes
        self.created = time.time()
        self.started: float | None = None
        self.finished: float | None = None
        self.exit_code: int | None = None
        self.status = WorkspaceStatus.CREATED
        self.error = ""
        self.health = ""
        self.health_output = ""
        self.root: MemoryFolder = image.root.copy()
        self.journal = Journal(world.lock)
        self.run: Run | None = None
        self.world = world
        self._restart = restart
        self._restart_pause = _RESTART_PAUSE
        self._restarting: threading.Timer | None = None
        self.working_dir = spec.working_dir or image.working_dir or "/"
        # Engines make a working folder that the image does not have.
        self.files().make_folders(self.working_dir)

    def describe(self) -> Container:
        """The container as the engine's interface shows it."""
        with self.world.lock:
            return Container(
                id=self.id,
                name=self.name,
                status=self.status,
                image=self.spec.image,
                image_id=self.image.id,
                labels=dict(self.image.labels) | dict(self.spec.labels),
                created=self.created,
                started=self.started,
                finished=self.finished,
                exit_code=None if self.run is not None else self.exit_code,
                ports=dict(self.run.table.network.ports) if self.run is not None else {},
                error=self.error,
                health=self.health,
                health_output=self.health_output,
                user=self.spec.user or self.image.user,
            )

    # Files

    def files(self) -> Tree:
        """Its files as they are now: those of its run, or those that a stopped one has."""
        if self.run is not None:
            return self.run.tree
        return self.mounted(lambda tree: None)

    def mounted(self, extra: Callable[[Tree], None]) -> Tree:
        """A new tree with the volumes and bind mounts in it, and what ``extra`` mounts before them."""
        tree = Tree(self.root, self.world.lock, read_only=self.spec.read_only_root)
        extra(tree)
        for destination, node, read_only in sorted(self._mounts(), key=lambda mount: mount[0].count("/")):
            tree.mount(destination, node, read_only=read_only)
        return tree

    def _mounts(self) -> list[tuple[str, Node, bool]]:
        mounts: list[tuple[str, Node, bool]] = [
            (destination, self.world.volumes[name], self._is_read_only(destination))
            for destination, name in self.volumes.items()
        ]
        for mount in self.spec.mounts:
            if mount.type == "bind":
                # The kernel mounts what a link leads to.
                node = host_node(Path(mount.source).resolve())
                if node is None:
                    raise self.world.problem(
                        EngineError,
                        f"the bind mount's source {mount.source!r} does not exist",
                        detail=f'invalid mount config for type "bind": bind source path does not exist: {mount.source}',
                    )
                mounts.append((posixpath.normpath(mount.destination), node, mount.read_only))
            elif mount.type == "tmpfs":
                mounts.append((posixpath.normpath(mount.destination), MemoryFolder(0o1777), mount.read_only))
        return mounts

    def _is_read_only(self, destination: str) -> bool:
        return any(
            mount.read_only
            for mount in self.spec.mounts
            if mount.type == "volume" and posixpath.normpath(mount.destination) == destination
        )

    # States

    def start(self) -> None:
        """Start it; one that runs already is no error.

        Raises:
            EngineError: it cannot be started; it stays as it was, and keeps the reason.
        """
        world = self.world
        with world.lock:
            if self.run is not None and not self.run.over:
                if self.status is WorkspaceStatus.PAUSED:
                    raise self._refusal(
                        "started", "it is paused", "cannot start a paused container, try unpause instead"
                    )
                return
            if self.status is WorkspaceStatus.REMOVING:
                raise self._refusal("started", "it is being removed", "container is marked for removal")
            self._forget_restart()
            self.error = ""
            try:
                run = Run(self, world)
            except (PortTakenError, CommandProblem, UnknownUserError, OSError) as error:
                self.error = str(error)
                raise self._refusal("started", self.error, self.error) from None
            self.run = run
            self.started = time.time()
            self.status = WorkspaceStatus.RUNNING
            self.journal.begin()
            world.publish(EventKind.STARTED, self)
            run.begin()

    def ended(self, run: Run, status: int) -> None:
        """The main process of ``run`` has ended; called by its own thread."""
        run.close()
        world = self.world
        with world.lock:
            if self.run is not run:
                return
            self.journal.end()
            self.run = None
            self.exit_code = status
            self.finished = time.time()
            self.health = ""
            removing = self.status is WorkspaceStatus.REMOVING
            if not removing:
                self.status = WorkspaceStatus.EXITED
            world.publish(EventKind.STOPPED, self, status)
            if self._restart and not removing and not run.stopping:
                self._restart_later()
            world.changed.notify_all()

    def _restart_later(self) -> None:
        self.status = WorkspaceStatus.RESTARTING
        self._restarting = threading.Timer(self._restart_pause, self._start_again)
        self._restarting.daemon = True
        self._restarting.start()
        self._restart_pause = min(self._restart_pause * 2, 60.0)

    def _start_again(self) -> None:
        with self.world.lock:
            if self._restarting is not None and self.status is WorkspaceStatus.RESTARTING:
                self._restarting = None
                try:
                    self.start()
                except EngineError:
                    self._restart_later()

    def _forget_restart(self) -> None:
        if self._restarting is not None:
            self._restarting.cancel()
            self._restarting = None

    def stop(self, op: Operation, grace: float) -> None:
        """Ask it to end, kill it after ``grace`` seconds."""
        world = self.world
        with world.lock:
            self._forget_restart()
            if self.status is WorkspaceStatus.RESTARTING:
                self.status = WorkspaceStatus.EXITED
                world.changed.notify_all()
            run = self.run
            if run is None:
                return
            run.stopping = True
            run.first.signal(signals.TERM)
            # As Docker does it: the signal is delivered, so the container has to run.
            self._resume(run)
        if not wait_for(op, world.changed, lambda: self.run is not run, grace):
            self._kill_and_wait(op, run)

    def kill(self, op: Operation) -> None:
        """End its main process with SIGKILL."""
        with self.world.lock:
            run = self.run
            if run is None:
                raise WorkspaceNotRunningError(f"container {self.name!r} is not running")
            run.stopping = True
        self._kill_and_wait(op, run)

    def _kill_and_wait(self, op: Operation, run: Run) -> None:
        run.first.signal(signals.KILL)
        wait_for(op, self.world.changed, lambda: self.run is not run)

    def pause(self) -> None:
        """Freeze it."""
        with self.world.lock:
            if self.run is None or self.status is not WorkspaceStatus.RUNNING:
                raise self._refusal("paused", f"it is {self.status}", f"container {self.id} is not running")
            self.status = WorkspaceStatus.PAUSED
            self.run.table.pause(True)
            self.world.publish(EventKind.PAUSED, self)

    def resume(self) -> None:
        """Let it run on."""
        with self.world.lock:
            if self.run is None or self.status is not WorkspaceStatus.PAUSED:
                raise self._refusal("resumed", f"it is {self.status}", f"container {self.id} is not paused")
            self._resume(self.run)

    def _resume(self, run: Run) -> None:
        if self.status is WorkspaceStatus.PAUSED:
            self.status = WorkspaceStatus.RUNNING
            run.table.pause(False)
            self.world.publish(EventKind.RESUMED, self)

    def remove(self, op: Operation, *, force: bool) -> None:
        """Take it out of the world; its volumes are the world's business.

        Raises:
            EngineError: it runs and ``force`` was not given.
        """
        world = self.world
        with world.lock:
            alive = self.status in (WorkspaceStatus.RUNNING, WorkspaceStatus.PAUSED, WorkspaceStatus.RESTARTING)
            if alive and not force:
                raise world.problem(
                    EngineError,
                    f"container {self.name!r} is {self.status} and cannot be removed",
                    hint="Stop it first, or remove it with `force`.",
                    detail=f"cannot remove container {self.id}: container is {self.status}",
                )
            self._forget_restart()
            self.status = WorkspaceStatus.REMOVING
            run = self.run
        if run is not None:
            self._kill_and_wait(op, run)
        with world.lock:
            if world.containers.pop(self.id, None) is not None:
                world.publish(EventKind.REMOVED, self)
                world.changed.notify_all()

    def _refusal(self, verb: str, reason: str, detail: str) -> EngineError:
        return self.world.problem(
            EngineError,
            f"container {self.name!r} cannot be {verb}: {reason}",
            hint="Look at its state and its options.",
            detail=detail,
        )
