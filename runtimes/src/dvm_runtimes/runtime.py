"""`ContainerRuntime`: the one interface over every engine."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .engines.base import Container, Engine, ExecSession, Progress
from .infos import ExecResult, HostPort, StopAllResult, WorkspaceInfo, WorkspaceStatus
from .operation import QUICK, SLOW
from .options import AttachOptions, ExecOptions, StartOptions
from .workspaces import executing, lifecycle, logs, lookup
from .workspaces.engine_access import Cancel, EngineAccess, Seconds, ignore_progress

if TYPE_CHECKING:
    from .terminal import Terminal
    from .workspaces.watching import WorkspaceWatch

LocalPath = str | os.PathLike[str]


class ContainerRuntime(EngineAccess):
    """Workspaces on one engine; the same behaviour on each.

    ``workspace`` is always a full ID, a unique ID prefix, a container name or a workspace name. Only containers with
    our label are ever seen or touched.

    Every method that talks to the engine takes ``timeout`` (seconds for the whole call; None for no limit) and
    ``cancel`` (an event; a `CancelToken` acts at once). Neither leaves a half-made workspace behind. All of them may
    raise `RuntimeUnavailableError`, `OperationTimeoutError`, `OperationCancelledError` and `EngineError`; what else
    they raise is said with each. Objects may be shared between threads.

    Args:
        engine: the engine; closed with this runtime.

    >>> from dvm_runtimes import StartOptions, create_runtime
    >>> with create_runtime("mock") as runtime:
    ...     workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
    ...     runtime.exec_in_workspace(workspace, ["echo", "hello"]).stdout
    b'hello\\n'
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._turns = lifecycle.Turns()
        self._started: set[str] = set()
        """IDs of workspaces that were started here: certainly ours, for labels never change."""

    # The life of a workspace

    def start_workspace(
        self,
        options: StartOptions,
        progress: Progress | None = None,
        *,
        timeout: Seconds = SLOW,
        cancel: Cancel = None,
    ) -> str:
        """`ensure_workspace`, and return the workspace's ID alone."""
        return self._start(options, progress, timeout, cancel).id

    def ensure_workspace(
        self,
        options: StartOptions,
        progress: Progress | None = None,
        *,
        timeout: Seconds = SLOW,
        cancel: Cancel = None,
    ) -> WorkspaceInfo:
        """Start a workspace, and return it as it runs: made, found running, or started again.

        Ours and unchanged: resumed or started if need be. Ours but with other options or another image: see
        ``StartOptions.on_drift``. Absent: made. The default ``timeout`` does not count the time of a pull, which has
        `LONG`; any other one is for all of it.

        Raises:
            InvalidOptionError: a mount source or env file that cannot be used; nothing was started.
            NameConflictError: the name is taken by a container that is not this workspace.
            ImageNotFoundError: the image is missing.
            WorkspaceNotRunningError: it ended at once, or before it was ready; ``logs`` tells why.
            UnsupportedError: an option that this engine cannot honour.
        """
        return self._start(options, progress, timeout, cancel).info(self.platform_type)

    def _start(self, options: StartOptions, progress: Progress | None, timeout: Seconds, cancel: Cancel) -> Container:
        from .workspaces.planning import plan
        from .workspaces.starting import Starter

        spec = plan(options, self._engine)
        with self._operation("start_workspace", timeout, cancel) as op:
            # Starts of one name in this process wait for each other, so that none of them makes a container only to
            # lose the race for its name.
            with self._turns.turn(spec.name, op):
                starter = Starter(self._engine, options, spec, op, cancel, progress or ignore_progress)
                started = starter.start(pull_counts=timeout != SLOW)
            self._started.add(started.id)
            return started

    def start_existing_workspace(
        self, workspace: str, *, timeout: Seconds = SLOW, cancel: Cancel = None
    ) -> WorkspaceInfo:
        """Start a workspace that exists, as it is: a stopped one is started, a paused one resumed.

        One that runs is no error. Nothing is waited for beyond its main process.

        Raises:
            WorkspaceNotFoundError: there is none, or it was removed meanwhile.
            WorkspaceNotRunningError: it ended at once; ``logs`` tells why.
        """
        with self._operation("start_existing_workspace", timeout, cancel) as op:
            return lifecycle.start_existing(self._engine, op, workspace).info(self.platform_type)

    def stop_workspace(
        self, workspace: str, grace: float = 10, *, timeout: Seconds = SLOW, cancel: Cancel = None
    ) -> None:
        """Ask it to end, and kill it after ``grace`` seconds. A stopped one is no error.

        Raises:
            WorkspaceNotFoundError: there is none.
        """
        lifecycle.check_grace(grace)
        with self._operation("stop_workspace", timeout, cancel) as op:
            lifecycle.stop(self._engine, op, lookup.get(self._engine, op, workspace), grace)

    def remove_workspace(
        self,
        workspace: str,
        force: bool = False,
        volumes: bool = False,
        *,
        timeout: Seconds = SLOW,
        cancel: Cancel = None,
    ) -> None:
        """Remove it. ``force`` removes a running one; ``volumes`` takes its anonymous volumes too, never named ones.

        Raises:
            WorkspaceNotFoundError: there is none.
            EngineError: it runs and ``force`` was not given.
        """
        with self._operation("remove_workspace", timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
            self._engine.remove_container(op, container.id, force=force, volumes=volumes)
            self._started.discard(container.id)

    def stop_all_workspaces(
        self, grace: float = 10, *, timeout: Seconds = SLOW, cancel: Cancel = None
    ) -> StopAllResult:
        """Stop every workspace that runs, in parallel; one failure does not hide the rest."""
        lifecycle.check_grace(grace)
        with self._operation("stop_all_workspaces", timeout, cancel) as op:
            return lifecycle.stop_all(self._engine, op, grace)

    def get_workspace_status(
        self, workspace: str, *, timeout: Seconds = QUICK, cancel: Cancel = None
    ) -> WorkspaceStatus:
        """Its state; ``not_found`` when there is none."""
        with self._operation("get_workspace_status", timeout, cancel) as op:
            container = lookup.find(self._engine, op, workspace)
        return WorkspaceStatus.NOT_FOUND if container is None else container.status

    def list_workspaces(
        self, labels: Mapping[str, str] | None = None, *, timeout: Seconds = QUICK, cancel: Cancel = None
    ) -> list[WorkspaceInfo]:
        """Every workspace, stopped ones too, that has all these labels; one engine request."""
        with self._operation("list_workspaces", timeout, cancel) as op:
            found = lifecycle.list_ours(self._engine, op, labels or {})
        return sorted((one.info(self.platform_type) for one in found), key=lambda info: info.name)

    def find_workspace(self, name: str, *, timeout: Seconds = QUICK, cancel: Cancel = None) -> WorkspaceInfo | None:
        """The workspace of that ID, unique ID prefix, container name or workspace name; None if there is none.

        Raises:
            InvalidOptionError: several workspaces have that workspace name.
        """
        with self._operation("find_workspace", timeout, cancel) as op:
            container = lookup.find(self._engine, op, name)
        return None if container is None else container.info(self.platform_type)

    def watch_workspaces(
        self,
        *,
        on_connection: Callable[[bool, str], object] | None = None,
        timeout: Seconds = QUICK,
        cancel: Cancel = None,
    ) -> WorkspaceWatch:
        """Changes of workspaces from the engine's own event stream, whoever made them.

        A broken stream is opened anew for as long as it takes, and what changed meanwhile is reported. ``timeout``
        limits the first connection.

        Args:
            on_connection: called with False and the reason when the stream is lost, with True and the engine's
                version when it is back; from the iterating thread.
        """
        from .workspaces.watching import WorkspaceWatch

        self._require("events", "watch_workspaces")
        with self._operation("watch_workspaces", timeout, cancel) as op:
            watch = WorkspaceWatch(self._engine, op, cancel, on_connection)
        self._watches.add(watch)
        return watch

    # Inside a workspace

    def exec_in_workspace(
        self,
        workspace: str,
        command: Sequence[str],
        options: ExecOptions | None = None,
        *,
        timeout: Seconds = None,
        cancel: Cancel = None,
    ) -> ExecResult:
        """Run a command and wait for it. When time is up or ``cancel`` is set, it is ended inside as well.

        Raises:
            ExecError: it could not be started; ``exit_code`` is 127 when it was not found.
            WorkspaceNotFoundError: there is no such workspace.
            WorkspaceNotRunningError: it does not run.
        """
        options = options or ExecOptions()
        spec = executing.exec_spec(command, options)
        with self._operation("exec_in_workspace", timeout, cancel) as op:
            ours = workspace in self._started
            return executing.run_command(self._engine, op, workspace, spec, options, ours=ours)

    def open_exec(
        self,
        workspace: str,
        command: Sequence[str],
        options: ExecOptions | None = None,
        *,
        size: tuple[int, int] | None = None,
        timeout: Seconds = None,
        cancel: Cancel = None,
    ) -> ExecSession:
        """Run a command whose standard streams the caller holds: bytes both ways for as long as it runs.

        Closing the session ends the command inside. So do ``timeout``, which limits the session's whole life, and
        ``cancel``; blocked calls of the session then raise `OperationTimeoutError` or `OperationCancelledError`.

        Args:
            workspace: what names the workspace.
            command: the argument vector.
            options: variables, user and working directory; neither input nor callbacks.
            size: rows and columns of the terminal to give it; None for none.
            timeout: seconds; None for no limit, with `QUICK` for the opening.
            cancel: ends it when set.

        Raises:
            WorkspaceNotFoundError: there is no such workspace.
            WorkspaceNotRunningError: it does not run.
        """
        from .workspaces.exec_session import open_session

        life = self._operation("open_exec", timeout, cancel)
        with self._operation("open_exec", QUICK if timeout is None else timeout, cancel) as op:
            return open_session(self._engine, op, life, workspace, command, options or ExecOptions(), size)

    def open_terminal(
        self,
        workspace: str,
        options: AttachOptions | None = None,
        *,
        rows: int = 24,
        columns: int = 80,
        timeout: Seconds = QUICK,
        cancel: Cancel = None,
    ) -> Terminal:
        """A pexpect-style object on a shell inside. ``timeout`` limits the opening.

        Raises:
            WorkspaceNotFoundError: there is no such workspace.
            WorkspaceNotRunningError: it does not run.
        """
        from .terminal import Terminal
        from .workspaces.exec_session import check_size
        from .workspaces.shells import shell_spec

        self._require("terminal", "open_terminal")
        check_size(rows, columns)
        with self._operation("open_terminal", timeout, cancel) as op:
            container = lookup.get_running(self._engine, op, workspace)
            spec = shell_spec(options or AttachOptions(), tty=True, size=(rows, columns))
            return Terminal(self._engine.exec_start(op, container.id, spec))

    def attach_to_workspace(
        self, workspace: str, options: AttachOptions | None = None, *, timeout: Seconds = None, cancel: Cancel = None
    ) -> int:
        """Join this process's terminal to a shell inside; the shell's exit code.

        The terminal is raw meanwhile, its size is passed on, and it is restored however this ends. When standard
        input is no terminal, it is passed on as it is and the shell gets no terminal either.
        """
        from .workspaces.attaching import attach

        # `dvm exec` is this with a command; its errors name what was asked for.
        name = "exec_in_workspace" if options is not None and options.command else "attach_to_workspace"
        self._require("terminal", name)
        with self._operation(name, timeout, cancel) as op:
            container = lookup.get_running(self._engine, op, workspace)
            return attach(self._engine, op, container.id, options or AttachOptions())

    def workspace_logs(
        self,
        workspace: str,
        tail: int | None = None,
        since: float | datetime.datetime | None = None,
        follow: bool = False,
        *,
        timeout: Seconds = None,
        cancel: Cancel = None,
    ) -> Iterator[bytes]:
        """What the main process wrote, in pieces, as it was written.

        Args:
            workspace: what names the workspace.
            tail: only so many last lines; None for all.
            since: seconds since the epoch, or a time with a zone.
            follow: go on until it ends, ``cancel`` is set, or the iterator is closed.
            timeout: seconds; None for no limit.
            cancel: ends it when set.
        """
        logs.check_tail(tail)
        seconds = logs.to_epoch(since)
        reading = self._operation("workspace_logs", timeout, cancel)
        with self._operation("workspace_logs", QUICK if timeout is None else timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
        return logs.read_logs(self._engine, reading, container.id, tail, seconds, follow)

    def copy_to_workspace(
        self, workspace: str, source: LocalPath, destination: str, *, timeout: Seconds = SLOW, cancel: Cancel = None
    ) -> None:
        """Copy a file or folder of this machine in, streamed, owner and mode kept.

        As ``cp -a``: into ``destination`` if that is a folder, else to that very name.
        """
        from .workspaces.copying import copy_to

        self._require("copy", "copy_to_workspace")
        with self._operation("copy_to_workspace", timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
            copy_to(self._engine, op, container.id, source, destination)

    def copy_from_workspace(
        self, workspace: str, source: str, destination: LocalPath, *, timeout: Seconds = SLOW, cancel: Cancel = None
    ) -> Path:
        """Copy a file or folder out, streamed, mode (and, for root, owner) kept; the path it has now.

        As ``cp -a``: into ``destination`` if that is a folder, else to that very name.
        """
        from .workspaces.copying import copy_from

        self._require("copy", "copy_from_workspace")
        with self._operation("copy_from_workspace", timeout, cancel) as op:
            container = lookup.get(self._engine, op, workspace)
            return copy_from(self._engine, op, container.id, source, destination)

    def published_ports(
        self, workspace: str, *, timeout: Seconds = QUICK, cancel: Cancel = None
    ) -> dict[str, HostPort]:
        """``"8080/tcp"`` to the address and port where this host reaches it."""
        with self._operation("published_ports", timeout, cancel) as op:
            return dict(lookup.get(self._engine, op, workspace).ports)
