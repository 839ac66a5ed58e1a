"""`Call`: what a command's function is given besides its request."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypedDict, TypeVar

from dvm_runtimes.errors import WorkspaceNotFoundError
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.operation import CancelToken, Operation
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.workspaces.lookup import check_reference
from dvm_server.protocol.work import NeedsThreadError, Progress, Work

from .targets import Target, resolve_target

if TYPE_CHECKING:
    from dvm_server.app import DvmServer

Result = TypeVar("Result")

_EVENT_LIMIT = 0.5
"""Seconds that an answer waits for the notification of the change that the command has made."""


class Limits(TypedDict, total=False):
    """The keyword arguments of a runtime's method that limit it."""

    timeout: float
    cancel: CancelToken


class Call:
    """One command while it runs.

    Args:
        server: whose runtime and live state are used.
        work: the thread's work; None on the event loop, where whatever needs it raises `NeedsThreadError`.
        timeout: seconds that the client allows for the whole command; None for the default of each method.
    """

    def __init__(self, server: DvmServer, work: Work | None, timeout: float | None = None) -> None:
        self.server = server
        self._work = work
        self._deadline = None if timeout is None else time.monotonic() + timeout

    @property
    def work(self) -> Work:
        """The request as a thread's work: its ID, progress and cancel token."""
        if self._work is None:
            raise NeedsThreadError
        return self._work

    @property
    def progress(self) -> Progress:
        """Shows the client the progress of the command."""
        return self.work.progress

    def limits(self) -> Limits:
        """The cancel token, and the seconds that are left of the client's ``timeout`` if it gave one."""
        if self._deadline is None:
            return {"cancel": self.work.cancel}
        return {"cancel": self.work.cancel, "timeout": round(max(0.0, self._deadline - time.monotonic()), 3)}

    def uninterruptible(self, function: Callable[[], Result]) -> Result:
        """Call a function that cannot be cancelled; when the command is cancelled or late, do not wait for it."""
        with Operation(self.work.command, **self.limits()) as op:
            return op.run(function)

    @contextlib.contextmanager
    def runtime(self) -> Iterator[ContainerRuntime]:
        """The runtime in use, which stays open within the block."""
        with self.server.selection.use(**self.limits()) as runtime:
            yield runtime

    def workspaces(self, runtime: ContainerRuntime | None = None) -> list[WorkspaceInfo]:
        """Every workspace, by name: from the live state, else from ``runtime``, by default the one in use."""
        infos = self.server.live.infos()
        if infos is not None:
            return infos
        with contextlib.nullcontext(runtime) if runtime is not None else self.runtime() as asked:
            return asked.list_workspaces(**self.limits())

    def find(self, reference: str) -> WorkspaceInfo | None:
        """The workspace that ``reference`` names: from the live state, else from the engine."""
        check_reference(reference)
        try:
            return self.server.live.find(reference)
        except LookupError:
            with self.runtime() as runtime:
                return runtime.find_workspace(reference, **self.limits())

    def reference(self, target: Target, runtime: ContainerRuntime) -> str:
        """What to call a command's workspace in the methods of ``runtime``.

        Raises:
            WorkspaceNotFoundError: none is named, and there is none.
            InvalidOptionError: none is named, no folder is open and none is active.
        """
        return target.workspace or resolve_target(self.workspaces(runtime), target.folder).id

    def resolve(self, target: Target, runtime: ContainerRuntime) -> WorkspaceInfo:
        """A command's workspace, as the engine describes it now; raises what `reference` raises."""
        reference = self.reference(target, runtime)
        info = runtime.find_workspace(reference, **self.limits())
        if info is None:
            raise WorkspaceNotFoundError(
                f"no workspace {reference!r} on {runtime.platform_name}",
                hint="dvm.workspace.list lists the workspaces.",
                platform=runtime.platform_name,
            )
        return info

    def notify(self, method: str, params: dict[str, object]) -> None:
        """Send a notification, once the client has read most of what it was sent."""
        self.server.wait_for_room(self.work.cancel)
        self.server.notify_client(method, params)

    def notified(self, info: WorkspaceInfo) -> WorkspaceInfo:
        """Return ``info`` once the client was notified of that state, so that notifications precede the answer."""
        self.server.live.await_state(info, _EVENT_LIMIT)
        return info
