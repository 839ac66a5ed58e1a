"""`Workspace`: what a test holds in its hands."""

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
"""How many failed commands a failure report can show."""
ENDED = "workspace-of-a-test-that-has-ended"
"""The ID that a workspace has after its test: there is none, as every error then says."""


class Failed(NamedTuple):
    """A command that did not end with 0."""

    command: str
    result: ExecResult


class Workspace:
    """One running workspace of a test.

    Every method may raise the errors of `dvm_runtimes.ContainerRuntime`.
    In an ``async def`` test the fixtures give the same with awaitable methods; elsewhere `aio` does.

    Attributes:
        id: the engine's full ID.
        name: the container's name; on a network of `dvm_workspace_factory`, others reach it by that.
        runtime: the runtime it is on.
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
        """Its state, asked now."""
        return self.runtime.get_workspace_status(self.id)

    @property
    def info(self) -> WorkspaceInfo:
        """All that the engine tells of it, asked now.

        Raises:
            WorkspaceNotFoundError: it was removed.
        """
        found = self.runtime.find_workspace(self.id)
        if found is None:
            from dvm_runtimes.errors import WorkspaceNotFoundError

            raise WorkspaceNotFoundError(
                f"workspace {self.name!r} is gone", platform=self.runtime.platform_name, operation="info"
            )
        return found

    @property
    def aio(self) -> AsyncWorkspace:
        """The same workspace with awaitable methods, for async fixtures."""
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
        """Run a command and wait for it; a string is given to ``sh -c``.

        Args:
            command: words, or a line for the shell.
            input: its standard input.
            env: variables of this command only.
            cwd: where it runs; default the workspace's working folder.
            uid, gid: default the workspace's own user.
            timeout: seconds; default ``--dvm-timeout``.
            cancel: ends it when set.

        >>> workspace.exec(["echo", "hello"]).stdout  # doctest: +SKIP
        b'hello\\n'
        """
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        data = input.encode() if isinstance(input, str) else input
        options = ExecOptions(input=data, env=env or {}, working_dir=cwd, uid=uid, gid=gid)
        limit = self._timeout if timeout is None else timeout
        result = self.runtime.exec_in_workspace(self.id, words, options, timeout=limit, cancel=cancel)
        if result.exit_code:
            shown = command if isinstance(command, str) else " ".join(words)
            self.failed.append(Failed(shown, result))
        return result

    def terminal(self, options: AttachOptions | None = None, *, rows: int = 24, columns: int = 80) -> Terminal:
        """A pexpect-style object on a shell inside; close it, or use it as a context manager."""
        return self.runtime.open_terminal(self.id, options, rows=rows, columns=columns)

    def logs(self, tail: int | None = None) -> str:
        """What its main process wrote so far, as text.

        Args:
            tail: only so many last lines.
        """
        return b"".join(self.runtime.workspace_logs(self.id, tail)).decode(errors="replace")

    def follow_logs(self, cancel: threading.Event | None = None) -> Iterator[bytes]:
        """What its main process writes, in pieces, until it ends or ``cancel`` is set."""
        return self.runtime.workspace_logs(self.id, follow=True, cancel=cancel)

    def copy_to(self, source: str | os.PathLike[str], destination: str) -> None:
        """Copy a file or folder of this machine in, as ``cp -a`` does."""
        self.runtime.copy_to_workspace(self.id, source, destination)

    def copy_from(self, source: str, destination: str | os.PathLike[str]) -> Path:
        """Copy a file or folder out, as ``cp -a`` does; the path it has now."""
        return self.runtime.copy_from_workspace(self.id, source, destination)

    def port(self, port: int | str) -> HostPort:
        """Where this host reaches a published port: ``8080``, or ``"53/udp"``.

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
        """Ask it to end, and kill it after ``grace`` seconds."""
        self.runtime.stop_workspace(self.id, grace)

    def start(self) -> None:
        """Start it again, and wait until it is ready. Ports that the engine chose may have changed."""
        self.id = self.runtime.start_workspace(self._options, timeout=self._timeout)

    def retire(self) -> str:
        """The container's ID, which this object forgets: its test is over, and the next one must not be disturbed."""
        container, self.id = self.id, ENDED
        return container

    def restart(self, grace: float = 10) -> None:
        """`stop` and `start`: its files stay, its processes do not."""
        self.stop(grace)
        self.start()
