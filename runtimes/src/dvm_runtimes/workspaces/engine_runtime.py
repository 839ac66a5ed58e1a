"""`EngineRuntime`: every rule of `ContainerRuntime`, once, over any `Engine`."""

from __future__ import annotations

import contextlib
import datetime
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_runtimes.engines.base import Container, Engine, Progress
from dvm_runtimes.errors import (
    DvmError,
    ImageNotFoundError,
    InvalidOptionError,
    UnsupportedError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import (
    Capabilities,
    ExecResult,
    HostPort,
    ImageInfo,
    ProgressEvent,
    StopAllResult,
    WorkspaceInfo,
    WorkspaceStatus,
)
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import AttachOptions, BuildOptions, ExecOptions, StartOptions
from dvm_runtimes.runtime import LONG, QUICK, SLOW, ContainerRuntime, WorkspaceWatch
from dvm_runtimes.validation.naming import APP, BUILT, MANAGED, check_image, check_network_mode, is_managed

from . import lookup
from .executing import exec_spec, execute
from .planning import plan
from .shells import shell_spec
from .starting import Starter
from .watching import EngineWatch

if TYPE_CHECKING:
    from dvm_runtimes.terminal import Terminal

_PARALLEL_STOPS = 16


class EngineRuntime(ContainerRuntime):
    """Workspaces on ``engine``.

    Args:
        engine: the engine; closed with this runtime.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._names: dict[str, threading.Lock] = {}
        self._names_lock = threading.Lock()
        self._watches: weakref.WeakSet[EngineWatch] = weakref.WeakSet()
        self._started: set[str] = set()
        """IDs of workspaces that were started here: certainly ours, for labels never change."""

    @property
    def engine(self) -> Engine:
        """The engine beneath, for those who know which one it is."""
        return self._engine

    @property
    def runtime_type(self) -> str:
        return self._engine.runtime_type

    @property
    def platform_type(self) -> str:
        return self._engine.platform_type

    @property
    def platform_name(self) -> str:
        return self._engine.platform_name

    @property
    def endpoint(self) -> str:
        return self._engine.endpoint

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    def version(self, *, timeout: float | None = QUICK, cancel: threading.Event | None = None) -> str:
        with self._operation("version", timeout, cancel) as op:
            return self._engine.version(op)

    def close(self) -> None:
        # A watch would take the closed engine for one that may come back.
        for watch in list(self._watches):
            watch.close()
        self._engine.close()

    def removal(self) -> Mapping[str, Any]:
        return self._engine.removal()

    def _operation(self, name: str, timeout: float | None, cancel: threading.Event | None) -> Operation:
        return Operation(name, timeout=timeout, cancel=cancel, platform=self._engine.platform_name)

    def _require(self, capability: str, operation: str) -> None:
        if reason := self._engine.capabilities.why_not(capability):
            raise UnsupportedError(
                f"{operation} is not possible on {self.platform_name}: {reason}",
                hint="Choose another runtime; `dvm platforms` lists them.",
                platform=self.platform_name,
                operation=operation,
            )

    # Images

    def build_image(
        self,
        options: BuildOptions,
        progress: Progress | None = None,
        *,
        timeout: float | None = LONG,
        cancel: threading.Event | None = None,
    ) -> ImageInfo:
        self._require("build", "build_image")
        _check_build(options)
        labels = {BUILT: "true"} | ({APP: options.app_name} if options.app_name else {})
        with self._operation("build_image", timeout, cancel) as op:
            op.step = f"building {options.image_name}"
            image_id = self._engine.build_image(op, options, labels, progress or _quiet)
            image = self._engine.inspect_image(op, image_id)
            return image or ImageInfo(id=image_id, tags=(options.image_name,), labels=labels)

    def image_exists(self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None) -> bool:
        check_image(name, "name")
        with self._operation("image_exists", timeout, cancel) as op:
            return self._engine.inspect_image(op, name) is not None

    def pull_image(
        self,
        name: str,
        progress: Progress | None = None,
        *,
        platform: str = "",
        timeout: float | None = LONG,
        cancel: threading.Event | None = None,
    ) -> ImageInfo:
        check_image(name, "name")
        self._require("pull", "pull_image")
        with self._operation("pull_image", timeout, cancel) as op:
            op.step = f"pulling {name}"
            self._engine.pull_image(op, name, platform, progress or _quiet)
            image = self._engine.inspect_image(op, name)
        if image is None:
            raise ImageNotFoundError(
                f"{name!r} was pulled, but is not on {self.platform_name}",
                hint="Somebody may have removed it meanwhile; pull it again.",
                platform=self.platform_name,
                operation="pull_image",
            )
        return image

    def remove_image(
        self, name: str, *, force: bool = False, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> None:
        check_image(name, "name")
        with self._operation("remove_image", timeout, cancel) as op:
            self._engine.remove_image(op, name, force=force)

    def list_images(self, *, timeout: float | None = QUICK, cancel: threading.Event | None = None) -> list[ImageInfo]:
        with self._operation("list_images", timeout, cancel) as op:
            return self._engine.list_images(op)

    # The life of a workspace

    def start_workspace(
        self,
        options: StartOptions,
        progress: Progress | None = None,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> str:
        tell = progress or _quiet
        spec = plan(options, self._engine)
        with self._operation("start_workspace", timeout, cancel) as op:

            def pull() -> None:
                tell(ProgressEvent(step=f"Pulling {options.image_name}"))
                with op.suspended(), self._operation("start_workspace", LONG, cancel) as pulling:
                    pulling.step = f"pulling {options.image_name}"
                    self._engine.pull_image(pulling, options.image_name, options.platform, tell)

            # Starts of one name in this process wait for each other, so that
            # none of them makes a container only to lose the race for its name.
            with self._turn(spec.name, op):
                started = Starter(self._engine, options, spec, op, tell, pull).start()
            self._started.add(started)
            return started

    @contextlib.contextmanager
    def _turn(self, name: str, op: Operation) -> Iterator[None]:
        with self._names_lock:
            lock = self._names.setdefault(name, threading.Lock())
        while not lock.acquire(timeout=0.05):
            op.check()
        try:
            yield
        finally:
            lock.release()

    def stop_workspace(
        self,
        workspace: str,
        grace: float = 10,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> None:
        _check_grace(grace)
        with self._operation("stop_workspace", timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
            self._stop(op, container, grace)

    def _stop(self, op: Operation, container: Container, grace: float) -> None:
        if container.status is WorkspaceStatus.PAUSED:
            # A frozen process cannot end itself; engines would wait the whole grace.
            self._engine.resume_container(op, container.id)
        if container.status not in (WorkspaceStatus.EXITED, WorkspaceStatus.CREATED, WorkspaceStatus.DEAD):
            self._engine.stop_container(op, container.id, grace)

    def remove_workspace(
        self,
        workspace: str,
        force: bool = False,
        volumes: bool = False,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> None:
        with self._operation("remove_workspace", timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
            self._engine.remove_container(op, container.id, force=force, volumes=volumes)
            self._started.discard(container.id)

    def stop_all_workspaces(
        self, grace: float = 10, *, timeout: float | None = SLOW, cancel: threading.Event | None = None
    ) -> StopAllResult:
        _check_grace(grace)
        with self._operation("stop_all_workspaces", timeout, cancel) as op:
            ended = (WorkspaceStatus.EXITED, WorkspaceStatus.CREATED, WorkspaceStatus.DEAD, WorkspaceStatus.REMOVING)
            running = [container for container in self._ours(op, {}) if container.status not in ended]
            failed: dict[str, str] = {}

            def stop(container: Container) -> None:
                try:
                    self._stop(op, container, grace)
                except DvmError as error:
                    op.check()  # the call was cut short, which is no failure of this workspace
                    failed[container.name] = str(error)

            if running:
                from concurrent.futures import ThreadPoolExecutor  # slow to load

                with ThreadPoolExecutor(min(_PARALLEL_STOPS, len(running)), thread_name_prefix="dvm-stop") as pool:
                    list(pool.map(stop, running))
        return StopAllResult(tuple(sorted(one.name for one in running if one.name not in failed)), failed)

    def get_workspace_status(
        self, workspace: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> WorkspaceStatus:
        with self._operation("get_workspace_status", timeout, cancel) as op:
            container = lookup.find(self._engine, op, workspace)
        return WorkspaceStatus.NOT_FOUND if container is None else container.status

    def list_workspaces(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        timeout: float | None = QUICK,
        cancel: threading.Event | None = None,
    ) -> list[WorkspaceInfo]:
        with self._operation("list_workspaces", timeout, cancel) as op:
            found = self._ours(op, labels or {})
        return sorted((one.info(self.platform_type) for one in found), key=lambda info: info.name)

    def _ours(self, op: Operation, labels: Mapping[str, str]) -> list[Container]:
        found = self._engine.list_containers(op, {**labels, MANAGED: "true"})
        return [container for container in found if is_managed(container.labels)]

    def find_workspace(
        self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> WorkspaceInfo | None:
        with self._operation("find_workspace", timeout, cancel) as op:
            container = lookup.find(self._engine, op, name)
        return None if container is None else container.info(self.platform_type)

    def watch_workspaces(
        self,
        *,
        on_connection: Callable[[bool, str], object] | None = None,
        timeout: float | None = QUICK,
        cancel: threading.Event | None = None,
    ) -> WorkspaceWatch:
        self._require("events", "watch_workspaces")
        with self._operation("watch_workspaces", timeout, cancel) as op:
            watch = EngineWatch(self._engine, op, cancel, on_connection)
        self._watches.add(watch)
        return watch

    # Networks

    def create_network(
        self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> None:
        check_network_mode(name, "name")
        with self._operation("create_network", timeout, cancel) as op:
            self._engine.create_network(op, name, {MANAGED: "true"})

    def remove_network(
        self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> None:
        check_network_mode(name, "name")
        with self._operation("remove_network", timeout, cancel) as op:
            self._engine.remove_network(op, name)

    # Inside a workspace

    def exec_in_workspace(
        self,
        workspace: str,
        command: list[str] | tuple[str, ...],
        options: ExecOptions | None = None,
        *,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> ExecResult:
        options = options or ExecOptions()
        spec = exec_spec(command, options)
        with self._operation("exec_in_workspace", timeout, cancel) as op:
            op.step = f"running {spec.command[0]!r}"
            if self._engine.exec_refuses and workspace in self._started:
                try:
                    return execute(self._engine, op, workspace, spec, options)
                except (WorkspaceNotFoundError, WorkspaceNotRunningError):
                    lookup.get_running(self._engine, op, workspace)  # says more of it
                    raise
            container = lookup.get_running(self._engine, op, workspace)
            return execute(self._engine, op, container.id, spec, options)

    def open_terminal(
        self,
        workspace: str,
        options: AttachOptions | None = None,
        *,
        rows: int = 24,
        columns: int = 80,
        timeout: float | None = QUICK,
        cancel: threading.Event | None = None,
    ) -> Terminal:
        from dvm_runtimes.terminal import Terminal

        self._require("terminal", "open_terminal")
        _check_size(rows, columns)
        with self._operation("open_terminal", timeout, cancel) as op:
            container = lookup.get_running(self._engine, op, workspace)
            spec = shell_spec(options or AttachOptions(), tty=True, size=(rows, columns))
            return Terminal(self._engine.exec_start(op, container.id, spec))

    def attach_to_workspace(
        self,
        workspace: str,
        options: AttachOptions | None = None,
        *,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> int:
        from .attaching import attach

        self._require("terminal", "attach_to_workspace")
        with self._operation("attach_to_workspace", timeout, cancel) as op:
            container = lookup.get_running(self._engine, op, workspace)
            return attach(self._engine, op, container.id, options or AttachOptions())

    def workspace_logs(
        self,
        workspace: str,
        tail: int | None = None,
        since: float | datetime.datetime | None = None,
        follow: bool = False,
        *,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[bytes]:
        if tail is not None and (isinstance(tail, bool) or not isinstance(tail, int) or tail < 0):
            raise InvalidOptionError("tail", tail, "must be a number of lines, 0 or more")
        seconds = _epoch(since)
        operation = self._operation("workspace_logs", timeout, cancel)
        with self._operation("workspace_logs", QUICK if timeout is None else timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
        return self._logs(operation, container.id, tail, seconds, follow)

    def _logs(
        self, operation: Operation, container: str, tail: int | None, since: float | None, follow: bool
    ) -> Iterator[bytes]:
        with operation as op:
            logs = self._engine.logs(op, container, tail=tail, since=since, follow=follow)
            try:
                for _, data in logs:
                    yield data
            finally:
                close = getattr(logs, "close", None)
                if close is not None:
                    close()

    def copy_to_workspace(
        self,
        workspace: str,
        source: str | os.PathLike[str],
        destination: str,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> None:
        from .copying import copy_to

        self._require("copy", "copy_to_workspace")
        with self._operation("copy_to_workspace", timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
            copy_to(self._engine, op, container.id, source, destination)

    def copy_from_workspace(
        self,
        workspace: str,
        source: str,
        destination: str | os.PathLike[str],
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> Path:
        from .copying import copy_from

        self._require("copy", "copy_from_workspace")
        with self._operation("copy_from_workspace", timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
            return copy_from(self._engine, op, container.id, source, destination)

    def published_ports(
        self, workspace: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> dict[str, HostPort]:
        with self._operation("published_ports", timeout, cancel) as op:
            return dict(lookup.get(self._engine, op, workspace).ports)


def _quiet(event: ProgressEvent) -> None:
    """Nobody listens."""


def _check_build(options: BuildOptions) -> None:
    context = Path(options.build_context or options.app_path or "")
    if not context.is_dir():
        raise InvalidOptionError("build_context", str(context), "there is no such folder")
    dockerfile = Path(options.dockerfile) if options.dockerfile is not None else context / "Dockerfile"
    if not dockerfile.is_absolute():
        dockerfile = next((path for path in (context / dockerfile, dockerfile) if path.is_file()), context / dockerfile)
    if not dockerfile.is_file():
        raise InvalidOptionError("dockerfile", str(dockerfile), "there is no such file")
    for key, secret in options.secrets.items():
        if not Path(secret).is_file():
            raise InvalidOptionError(f"secrets[{key!r}]", os.fspath(secret), "there is no such file")


def _check_grace(grace: float) -> None:
    if isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace <= 86400:
        raise InvalidOptionError("grace", grace, "must be a number of seconds from 0 to 86400")


def _check_size(rows: int, columns: int) -> None:
    for name, value in (("rows", rows), ("columns", columns)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
            raise InvalidOptionError(name, value, "must be a number from 1 to 65535")


def _epoch(since: float | datetime.datetime | None) -> float | None:
    if since is None:
        return None
    if isinstance(since, datetime.datetime):
        if since.tzinfo is None:
            raise InvalidOptionError("since", since.isoformat(), "needs a time zone")
        return since.timestamp()
    if isinstance(since, bool) or not isinstance(since, int | float) or not 0 <= since <= time.time() * 1000:
        raise InvalidOptionError("since", since, "must be seconds since the epoch, or a time with a zone")
    return float(since)
