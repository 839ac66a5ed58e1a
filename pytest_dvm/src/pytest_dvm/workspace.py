"""`Workspace`: the running workspace of a test."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dvm_runtimes.options import AttachOptions, ExecOptions, StartOptions

if TYPE_CHECKING:
    from dvm_runtimes.infos import ExecResult, HostPort, WorkspaceInfo, WorkspaceStatus
    from dvm_runtimes.runtime import ContainerRuntime
    from dvm_runtimes.terminal import Terminal

    from .async_workspace import AsyncWorkspace

REMEMBERED = 3
"""Number of failed commands in a failure report."""
ENDED = "workspace-of-a-test-that-has-ended"
"""The ID of a workspace after its test, which no engine knows."""


class Failed(NamedTuple):
    """A command with an exit code other than 0."""

    command: str
    result: ExecResult


class Workspace:
    """One running workspace of a test.

    Every method may raise the errors of `dvm_runtimes.ContainerRuntime`.
    In an ``async def`` test the methods are awaitable; elsewhere `aio` has awaitable methods.

    Attributes:
        id: the engine's full ID.
        name: the container's name, which is its host name on a network.
        runtime: its runtime.
    """

    def __init__(self, runtime: ContainerRuntime, id: str, options: StartOptions, timeout: float | None = None) -> None:
        self.runtime = runtime
        self.id = id
        self.name = options.name
        self._options = options
        self._timeout = timeout
        self.failed: deque[Failed] = deque(maxlen=REMEMBERED)

    def __repr__(self) -> str:
        return f"<Workspace {self.name} on {self.runtime.platform_name}>"

    @property
    def status(self) -> WorkspaceStatus:
        """Its current status."""
        return self.runtime.get_workspace_status(self.id)

    @property
    def info(self) -> WorkspaceInfo:
        """Its current `WorkspaceInfo`.

        Raises:
            WorkspaceNotFoundError: it was removed.
        """
        found = self.runtime.find_workspace(self.id)
        if found is None:
            from dvm_runtimes.errors import WorkspaceNotFoundError

            raise WorkspaceNotFoundError(
                f"workspace {self.name!r} no longer exists",
                platform=self.runtime.platform_name,
                operation="info",
            )
        return found

    @property
    def aio(self) -> AsyncWorkspace:
        """This workspace with awaitable methods, for async fixtures."""
        from .async_workspace import AsyncWorkspace

        return AsyncWorkspace(self)

    def exec(
        self,
        command: str | Sequence[str],
        *,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        uid: int | None = None,
        gid: int | None = None,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> ExecResult:
        """Run a command and wait for it. A string is run by ``sh -c``.

        Args:
            command: an argv, or a command line for the shell.
            input: standard input.
            env: additional variables.
            cwd: working directory; default that of the workspace.
            uid, gid: user and group; default those of the workspace.
            timeout: seconds; default ``--dvm-timeout``.
            cancel: ends it when set.

        >>> workspace.exec(["echo", "hello"]).stdout  # doctest: +SKIP
        b'hello\\n'
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        data = input.encode() if isinstance(input, str) else input
        options = ExecOptions(input=data, env=env or {}, working_dir=cwd, uid=uid, gid=gid)
        limit = self._timeout if timeout is None else timeout
        result = self.runtime.exec_in_workspace(self.id, argv, options, timeout=limit, cancel=cancel)
        if result.exit_code:
            shown = command if isinstance(command, str) else " ".join(argv)
            self.failed.append(Failed(shown, result))
        return result

    def terminal(self, options: AttachOptions | None = None, *, rows: int = 24, columns: int = 80) -> Terminal:
        """Open a shell with the interface of pexpect; a context manager."""
        return self.runtime.open_terminal(self.id, options, rows=rows, columns=columns)

    def logs(self, tail: int | None = None) -> str:
        """The output of its main process so far, as text.

        Args:
            tail: number of lines from the end; default all.
        """
        return b"".join(self.runtime.workspace_logs(self.id, tail)).decode(errors="replace")

    def follow_logs(self, cancel: threading.Event | None = None) -> Iterator[bytes]:
        """The output of its main process, in pieces, until it ends or ``cancel`` is set."""
        return self.runtime.workspace_logs(self.id, follow=True, cancel=cancel)

    def copy_to(self, source: str | os.PathLike[str], destination: str) -> None:
        """Copy a file or folder into the workspace, like ``cp -a``."""
        self.runtime.copy_to_workspace(self.id, source, destination)

    def copy_from(self, source: str, destination: str | os.PathLike[str]) -> Path:
        """Copy a file or folder out of the workspace, like ``cp -a``; returns its path."""
        return self.runtime.copy_from_workspace(self.id, source, destination)

    def port(self, port: int | str) -> HostPort:
        """The address of a published port, ``8080`` or ``"53/udp"``, for this process.

        Raises:
            KeyError: it is not published, or the engine is elsewhere and this process cannot reach it.
        """
        key = port if isinstance(port, str) and "/" in port else f"{port}/tcp"
        found = self.runtime.published_ports(self.id)
        if key not in found:
            if key in [one.key for one in self._options.ports]:
                from dvm_runtimes.waiting import UNREACHABLE_PORT_HINT

                raise KeyError(
                    f"port {key} of {self.name} is published on the engine's host at an address that this process "
                    f"cannot reach. {UNREACHABLE_PORT_HINT}"
                )
            there = ", ".join(sorted(found)) or "none"
            raise KeyError(f"port {key} of {self.name} is not published (published: {there}); add ports=[{port}]")
        return found[key]

    def stop(self, grace: float = 10) -> None:
        """Stop it, and kill it after ``grace`` seconds."""
        self.runtime.stop_workspace(self.id, grace)

    def start(self) -> None:
        """Start it again and wait until it is ready. Host ports may change."""
        self.id = self.runtime.start_workspace(self._options, timeout=self._timeout)

    def retire(self) -> str:
        """Return the container's ID and forget it, so that a test that is over cannot disturb the next one."""
        container, self.id = self.id, ENDED
        return container

    def restart(self, grace: float = 10) -> None:
        """Stop and start it. Its files are kept."""
        self.stop(grace)
        self.start()
