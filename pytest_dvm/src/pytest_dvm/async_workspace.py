"""`AsyncWorkspace`: a workspace with awaitable methods, for ``async def`` tests."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dvm_runtimes.operation import CancelToken

if TYPE_CHECKING:
    from dvm_runtimes.infos import ExecResult, HostPort, WorkspaceInfo, WorkspaceStatus
    from dvm_runtimes.options import AttachOptions
    from dvm_runtimes.runtime import ContainerRuntime
    from dvm_runtimes.terminal import Terminal

    from .workspace import Workspace

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a blocking call in a thread of the running event loop, of asyncio or trio."""
    call = functools.partial(function, *args, **kwargs)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio: Any = sys.modules["trio"]
        return await trio.to_thread.run_sync(call, abandon_on_cancel=True)  # type: ignore[no-any-return]
    return await asyncio.to_thread(call)


class AsyncTerminal:
    """A `Terminal` with awaitable methods: ``await terminal.expect("[$#] ")``.

    Args:
        terminal: the blocking terminal; attributes such as ``before`` and ``match`` are not awaited.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.terminal, name)
        return functools.partial(in_thread, value) if callable(value) and not isinstance(value, type) else value

    async def __aenter__(self) -> AsyncTerminal:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await in_thread(self.terminal.close)


class AsyncWorkspace:
    """`Workspace` with awaitable methods; `status` and `info` are awaited too."""

    def __init__(self, workspace: Workspace) -> None:
        self.sync = workspace
        """The same workspace with blocking methods."""

    def __repr__(self) -> str:
        return repr(self.sync).replace("<", "<Async", 1)

    @property
    def id(self) -> str:
        """The engine's full ID."""
        return self.sync.id

    @property
    def name(self) -> str:
        """The container's name."""
        return self.sync.name

    @property
    def runtime(self) -> ContainerRuntime:
        """Its runtime, whose methods block."""
        return self.sync.runtime

    @property
    async def status(self) -> WorkspaceStatus:
        """Its state, as in ``await workspace.status``."""
        return await in_thread(lambda: self.sync.status)

    @property
    async def info(self) -> WorkspaceInfo:
        """All that the engine reports, as in ``await workspace.info``."""
        return await in_thread(lambda: self.sync.info)

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        uid: int | None = None,
        gid: int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- it ends the command inside, not only the wait for it
    ) -> ExecResult:
        """Run a command. Cancelling the task ends the command inside as well."""
        cancel = CancelToken()
        try:
            return await in_thread(
                self.sync.exec,
                command,
                input=input,
                env=env,
                cwd=cwd,
                uid=uid,
                gid=gid,
                timeout=timeout,
                cancel=cancel,
            )
        finally:
            cancel.set()

    async def terminal(
        self, options: AttachOptions | None = None, *, rows: int = 24, columns: int = 80
    ) -> AsyncTerminal:
        """Open a shell: ``async with await workspace.terminal() as terminal``."""
        return AsyncTerminal(await in_thread(self.sync.terminal, options, rows=rows, columns=columns))

    async def logs(self, tail: int | None = None) -> str:
        """The output of its main process so far."""
        return await in_thread(self.sync.logs, tail)

    async def follow_logs(self) -> AsyncIterator[bytes]:
        """The output of its main process, in pieces, until it ends: ``async for piece in workspace.follow_logs()``.

        Leaving the iteration or cancelling the task ends it.
        """
        cancel = CancelToken()
        pieces = await in_thread(self.sync.follow_logs, cancel)
        try:
            while (piece := await in_thread(next, pieces, None)) is not None:
                yield piece
        finally:
            # It ends the thread that may be waiting for the next piece.
            cancel.set()

    async def copy_to(self, source: str | os.PathLike[str], destination: str) -> None:
        """Copy a file or folder into the workspace."""
        await in_thread(self.sync.copy_to, source, destination)

    async def copy_from(self, source: str, destination: str | os.PathLike[str]) -> Path:
        """Copy a file or folder out of the workspace."""
        return await in_thread(self.sync.copy_from, source, destination)

    async def port(self, port: int | str) -> HostPort:
        """The address of a published port for this process."""
        return await in_thread(self.sync.port, port)

    async def stop(self, grace: float = 10) -> None:
        """Stop it, and kill it after ``grace`` seconds."""
        await in_thread(self.sync.stop, grace)

    async def start(self) -> None:
        """Start it again."""
        await in_thread(self.sync.start)

    async def restart(self, grace: float = 10) -> None:
        """Stop and start it."""
        await in_thread(self.sync.restart, grace)
