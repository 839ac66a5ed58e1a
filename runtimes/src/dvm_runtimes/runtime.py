"""`ContainerRuntime`: the one interface over every engine."""

from __future__ import annotations

import datetime
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dvm_runtimes.engines.base import Progress

from .errors import UnsupportedError
from .infos import (
    Capabilities,
    ExecResult,
    HostPort,
    ImageInfo,
    StopAllResult,
    WorkspaceEvent,
    WorkspaceInfo,
    WorkspaceStatus,
)
from .options import AttachOptions, BuildOptions, ExecOptions, StartOptions

if TYPE_CHECKING:
    from .terminal import Terminal

QUICK = 30.0
"""Seconds: the default limit of calls that an engine answers at once."""
SLOW = 120.0
"""Seconds: the default limit of a start, its pull not counted, and of copying."""
LONG = 1800.0
"""Seconds: the default limit of builds and pulls."""


class WorkspaceWatch(ABC):
    """A closable iterator of `WorkspaceEvent`, from `ContainerRuntime.watch_workspaces`.

    Iterating blocks until something happens. `close`, from any thread, ends it.
    """

    @abstractmethod
    def __next__(self) -> WorkspaceEvent: ...

    @abstractmethod
    def snapshot(self) -> list[WorkspaceInfo]:
        """The workspaces after the events given so far; no engine call."""

    @abstractmethod
    def close(self) -> None:
        """End the iteration and release the connection."""

    def __iter__(self) -> Iterator[WorkspaceEvent]:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class ContainerRuntime(ABC):
    """Workspaces on one engine; the same behaviour on each.

    ``workspace`` is always a full ID, a unique ID prefix, a container name or
    a workspace name. Only containers with our label are ever seen or touched.

    Every method that talks to the engine takes ``timeout`` (seconds for the
    whole call; None for no limit) and ``cancel`` (an event; a `CancelToken`
    acts at once). Neither leaves a half-made workspace behind. All of them may
    raise `RuntimeUnavailableError`, `OperationTimeoutError`,
    `OperationCancelledError` and `EngineError`; what else they raise is said
    with each. Objects may be shared between threads.

    >>> from dvm_runtimes import StartOptions, create_runtime
    >>> with create_runtime("mock") as runtime:
    ...     workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
    ...     runtime.exec_in_workspace(workspace, ["echo", "hello"]).stdout
    b'hello\\n'
    """

    # About the runtime itself

    @property
    @abstractmethod
    def runtime_type(self) -> str:
        """The code that drives the engine, as in ``"docker"``."""

    @property
    @abstractmethod
    def platform_type(self) -> str:
        """The public runtime name, as in ``"orbstack"``."""

    @property
    @abstractmethod
    def platform_name(self) -> str:
        """What people call the platform, as in ``"Colima (profile: default)"``."""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Where the engine listens, as in ``"unix:///var/run/docker.sock"``."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this engine can do."""

    @property
    def in_this_process(self) -> bool:
        """Whether the engine lives in this process's memory, where no other process reaches it."""
        return False

    @abstractmethod
    def version(self, *, timeout: float | None = QUICK, cancel: threading.Event | None = None) -> str:
        """The engine's version, asked anew: proof that it answers."""

    @abstractmethod
    def close(self) -> None:
        """Release connections and threads. Workspaces stay as they are."""

    def removal(self) -> Mapping[str, Any]:
        """How a program without this library removes what a dead process left here; see `Engine.removal`."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # Images

    @abstractmethod
    def build_image(
        self,
        options: BuildOptions,
        progress: Progress | None = None,
        *,
        timeout: float | None = LONG,
        cancel: threading.Event | None = None,
    ) -> ImageInfo:
        """Build an image; ``progress`` gets one event a step.

        Raises:
            BuildError: a step failed; ``logs`` has its last lines.
            InvalidOptionError: there is no such context or Dockerfile.
        """

    @abstractmethod
    def image_exists(self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None) -> bool:
        """Whether the image is on the engine."""

    @abstractmethod
    def pull_image(
        self,
        name: str,
        progress: Progress | None = None,
        *,
        platform: str = "",
        timeout: float | None = LONG,
        cancel: threading.Event | None = None,
    ) -> ImageInfo:
        """Fetch an image from its registry with the user's own credentials.

        Raises:
            ImageNotFoundError: no registry that answered has it.
        """

    @abstractmethod
    def remove_image(
        self, name: str, *, force: bool = False, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> None:
        """Remove an image's name, and the image when it was its last.

        Raises:
            ImageNotFoundError: there is none.
        """

    @abstractmethod
    def list_images(self, *, timeout: float | None = QUICK, cancel: threading.Event | None = None) -> list[ImageInfo]:
        """Every tagged image on the engine."""

    # The life of a workspace

    @abstractmethod
    def start_workspace(
        self,
        options: StartOptions,
        progress: Progress | None = None,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> str:
        """Start a workspace and return its ID: made, found running, or started again.

        Ours and unchanged: resumed or started if need be. Ours but with other
        options or another image: see ``StartOptions.on_drift``. Absent: made.
        ``timeout`` does not count the time of a pull, which has `LONG`.

        Raises:
            InvalidOptionError: a mount source or env file that cannot be used; nothing was started.
            NameConflictError: the name is taken by a container that is not this workspace.
            ImageNotFoundError: the image is missing.
            WorkspaceNotRunningError: it ended at once, or before it was ready; ``logs`` tells why.
            UnsupportedError: an option that this engine cannot honour.
        """

    @abstractmethod
    def stop_workspace(
        self,
        workspace: str,
        grace: float = 10,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> None:
        """Ask it to end, and kill it after ``grace`` seconds. A stopped one is no error.

        Raises:
            WorkspaceNotFoundError: there is none.
        """

    @abstractmethod
    def remove_workspace(
        self,
        workspace: str,
        force: bool = False,
        volumes: bool = False,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> None:
        """Remove it. ``force`` removes a running one; ``volumes`` takes its anonymous volumes too, never named ones.

        Raises:
            WorkspaceNotFoundError: there is none.
            EngineError: it runs and ``force`` was not given.
        """

    @abstractmethod
    def stop_all_workspaces(
        self, grace: float = 10, *, timeout: float | None = SLOW, cancel: threading.Event | None = None
    ) -> StopAllResult:
        """Stop every workspace that runs, in parallel; one failure does not hide the rest."""

    @abstractmethod
    def get_workspace_status(
        self, workspace: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> WorkspaceStatus:
        """Its state; ``not_found`` when there is none."""

    @abstractmethod
    def list_workspaces(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        timeout: float | None = QUICK,
        cancel: threading.Event | None = None,
    ) -> list[WorkspaceInfo]:
        """Every workspace, stopped ones too, that has all these labels; one engine request."""

    @abstractmethod
    def find_workspace(
        self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> WorkspaceInfo | None:
        """The workspace of that ID, unique ID prefix, container name or workspace name; None if there is none.

        Raises:
            InvalidOptionError: several workspaces have that workspace name.
        """

    @abstractmethod
    def watch_workspaces(
        self,
        *,
        on_connection: Callable[[bool, str], object] | None = None,
        timeout: float | None = QUICK,
        cancel: threading.Event | None = None,
    ) -> WorkspaceWatch:
        """Changes of workspaces from the engine's own event stream, whoever made them.

        A broken stream is opened anew for as long as it takes, and what
        changed meanwhile is reported. ``timeout`` limits the first connection.

        Args:
            on_connection: called with False and the reason when the stream is lost,
                with True and the engine's version when it is back; from the iterating thread.
        """

    # Networks on which workspaces find each other by name

    def create_network(
        self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> None:
        """Make a network for ``StartOptions(network_mode=name)``: workspaces on it reach each other by container name.

        Raises:
            NameConflictError: there is one of that name.
            UnsupportedError: this engine has none.
        """
        raise _no_networks(self, "create_network")

    def remove_network(
        self, name: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> None:
        """Remove a network that nothing is on any more. A missing one is no error.

        Raises:
            UnsupportedError: this engine has none.
        """
        raise _no_networks(self, "remove_network")

    # Inside a workspace

    @abstractmethod
    def exec_in_workspace(
        self,
        workspace: str,
        command: list[str] | tuple[str, ...],
        options: ExecOptions | None = None,
        *,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> ExecResult:
        """Run a command and wait for it. When time is up or ``cancel`` is set, it is ended inside as well.

        Raises:
            ExecError: it could not be started; ``exit_code`` is 127 when it was not found.
            WorkspaceNotFoundError: there is no such workspace.
            WorkspaceNotRunningError: it does not run.
        """

    @abstractmethod
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
        """A pexpect-style object on a shell inside. ``timeout`` limits the opening.

        Raises:
            WorkspaceNotFoundError: there is no such workspace.
            WorkspaceNotRunningError: it does not run.
        """

    @abstractmethod
    def attach_to_workspace(
        self,
        workspace: str,
        options: AttachOptions | None = None,
        *,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> int:
        """Join this process's terminal to a shell inside; the shell's exit code.

        The terminal is raw meanwhile, its size is passed on, and it is restored
        however this ends. When standard input is no terminal, it is passed on as
        it is and the shell gets no terminal either.
        """

    @abstractmethod
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
        """What the main process wrote, in pieces, as it was written.

        Args:
            tail: only so many last lines; None for all.
            since: seconds since the epoch, or a time with a zone.
            follow: go on until it ends, ``cancel`` is set, or the iterator is closed.
        """

    @abstractmethod
    def copy_to_workspace(
        self,
        workspace: str,
        source: str | os.PathLike[str],
        destination: str,
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> None:
        """Copy a file or folder of this machine in, streamed, owner and mode kept.

        As ``cp -a``: into ``destination`` if that is a folder, else to that very name.
        """

    @abstractmethod
    def copy_from_workspace(
        self,
        workspace: str,
        source: str,
        destination: str | os.PathLike[str],
        *,
        timeout: float | None = SLOW,
        cancel: threading.Event | None = None,
    ) -> Path:
        """Copy a file or folder out, streamed, mode (and, for root, owner) kept; the path it has now.

        As ``cp -a``: into ``destination`` if that is a folder, else to that very name.
        """

    @abstractmethod
    def published_ports(
        self, workspace: str, *, timeout: float | None = QUICK, cancel: threading.Event | None = None
    ) -> dict[str, HostPort]:
        """``"8080/tcp"`` to the address and port where this host reaches it."""


def _no_networks(runtime: ContainerRuntime, operation: str) -> UnsupportedError:
    return UnsupportedError(
        f"{runtime.platform_name} makes no networks of its own",
        hint="Publish the ports, or choose another runtime.",
        platform=runtime.platform_name,
        operation=operation,
    )
