"""`Engine`: what a new engine implements. Small steps, in its own way, without rules.

Every rule that is the same everywhere (names, ownership, start rules, waits, drift, look-up) is in
`dvm_runtimes.workspaces`, once, over this interface; `dvm_runtimes.ContainerRuntime` is what callers use. An engine
passes the conformance suite of `dvm_runtimes.testing`.

Each step takes the `Operation` of the call it belongs to: it must end soon after ``op`` is aborted, and raise typed
errors (`dvm_runtimes.errors`) whose hints fit this platform. Engines are shared between threads.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dvm_runtimes.errors import UnsupportedError
from dvm_runtimes.infos import Capabilities, ImageInfo, ProgressEvent
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from .specs import Container, ContainerSpec, ExecSpec
from .streams import STDERR, STDOUT, EngineEvent, EventStream, ExecSession

__all__ = [
    "STDERR",
    "STDOUT",
    "Container",
    "ContainerSpec",
    "Engine",
    "EngineEvent",
    "EventStream",
    "ExecSession",
    "ExecSpec",
    "Progress",
]

Progress = Callable[[ProgressEvent], object]


class Engine(ABC):
    """One engine at one endpoint."""

    runtime_type: str
    """The code that drives it, as in ``"docker"`` or ``"nerdctl"``."""
    platform_type: str
    """The public runtime name, as in ``"docker"`` or ``"orbstack"``; written to `WorkspaceInfo.runtime`."""
    platform_name: str
    """What people call it, as in ``"Docker Desktop"``."""
    endpoint: str
    in_this_process: bool = False
    """Whether it lives in this process's memory, where no other process reaches it."""
    exec_refuses: bool = False
    """Whether a container that is gone or does not run is refused by the engine's own `exec_start`, before anything
    is run, so that nobody need ask for its state first."""

    one_look: bool = False
    """Whether each request is expensive, so that one list of all workspaces is the whole look-up of one."""

    longest_pause: float = 1.0
    """Seconds between two tries to reach an engine that does not answer, at most; more where a try is expensive."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this engine can do; may ask the engine once."""

    @abstractmethod
    def version(self, op: Operation) -> str:
        """The engine's version, asked anew: the proof that it answers.

        Raises:
            RuntimeUnavailableError: it does not.
        """

    @abstractmethod
    def close(self) -> None:
        """Release connections and threads; calls in flight end with an error."""

    def removal(self) -> Mapping[str, Any]:
        """How a program without this library removes what a dead process left here.

        ``container``, ``volume``, ``network`` and ``image`` each have either a path for one HTTP DELETE over the Unix
        socket ``socket``, or the argv of a command that succeeds when there is no such thing; ``{name}`` stands for
        the name. With paths, ``look`` may be one that is found once a container has been made; before, none is deleted.
        Empty where nothing outlives the process that made it: then no other process can see it either.

        >>> {"socket": "/var/run/docker.sock", "container": "/containers/{name}?force=1&v=1"}["container"]
        '/containers/{name}?force=1&v=1'
        """
        return {}

    # What differs between an engine on this host and one in a VM

    def default_user(self) -> tuple[int, int] | None:
        """uid and gid of a workspace that asks for none; None for the image's own."""
        return (os.getuid(), os.getgid()) if hasattr(os, "getuid") else (1000, 1000)

    def keep_id(self) -> bool:
        """Whether the caller's uid has to be mapped to itself (rootless engines with user namespaces)."""
        return False

    def host_path(self, path: Path, field: str) -> str:
        """A real path of this machine, as the engine's host sees it.

        Raises:
            InvalidOptionError: the engine's host does not see it; the hint says how to share it.
        """
        return os.fspath(path)

    def ssh_agent_socket(self) -> str:
        """The agent's socket as a path on the engine's host; empty when there is none.

        It is asked for before each start, and must be the same path for one user as long as possible: a workspace
        keeps it.
        """
        from dvm_runtimes.user.ssh_agent import agent_socket

        return agent_socket()

    def container_name(self, name: str) -> str:
        """``name`` as this engine allows it."""
        return name

    # Containers

    @abstractmethod
    def list_containers(self, op: Operation, labels: Mapping[str, str]) -> list[Container]:
        """Containers in any state that have all these labels (an empty value stands for any), in one request."""

    @abstractmethod
    def inspect_container(self, op: Operation, reference: str) -> Container | None:
        """The container of that ID, unique ID prefix or name; None if there is none."""

    @abstractmethod
    def create_container(self, op: Operation, spec: ContainerSpec) -> str:
        """Make it, do not start it; its full ID.

        Raises:
            NameConflictError: the name is taken.
            ImageNotFoundError: the image is not on the engine. Nothing is pulled here.
        """

    @abstractmethod
    def start_container(self, op: Operation, container: str) -> None:
        """Start it; one that runs already is no error."""

    @abstractmethod
    def stop_container(self, op: Operation, container: str, grace: float) -> None:
        """Ask it to end, and kill it after ``grace`` seconds; a stopped one is no error."""

    @abstractmethod
    def resume_container(self, op: Operation, container: str) -> None:
        """Let a paused one run on."""

    @abstractmethod
    def remove_container(self, op: Operation, container: str, *, force: bool, volumes: bool) -> None:
        """Remove it, with its anonymous volumes if asked; ``force`` kills it first. A missing one is no error.

        Raises:
            EngineError: it runs and ``force`` was not given.
        """

    @abstractmethod
    def rename_container(self, op: Operation, container: str, name: str) -> None:
        """Give it another name, in any state.

        Raises:
            NameConflictError: the name is taken.
        """

    @abstractmethod
    def wait_container(self, op: Operation, container: str) -> int:
        """Wait until its main process has ended, and return the exit code."""

    @abstractmethod
    def exec_start(self, op: Operation, container: str, spec: ExecSpec) -> ExecSession:
        """Run a command in it.

        Raises:
            WorkspaceNotRunningError: it does not run.
        """

    @abstractmethod
    def logs(
        self, op: Operation, container: str, *, tail: int | None, since: float | None, follow: bool
    ) -> Iterator[tuple[int, bytes]]:
        """Output of the main process as ``(STDOUT or STDERR, bytes)``, in the order it was written."""

    @abstractmethod
    def events(self, op: Operation) -> EventStream:
        """Open the event stream. ``op`` limits the opening, not the stream."""

    @abstractmethod
    def put_archive(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        """Unpack a tar stream into the folder ``path``, with the owners and modes it names."""

    @abstractmethod
    def get_archive(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        """The file or folder as a tar stream whose first member is its base name.

        Closing the iterator early ends the transfer.

        Raises:
            PathNotFoundError: there is nothing at ``path``.
        """

    def path_kind(self, op: Operation, container: str, path: str) -> str | None:
        """``"folder"``, ``"file"`` (or anything else), or None if there is nothing at ``path``; links are followed.

        This reads the first header of the archive; an engine that can ask more cheaply overrides it.
        """
        import tarfile

        from dvm_runtimes.errors import EngineError

        # With the dot, an engine follows a link to a folder.
        for name, kind in ((path.rstrip("/") + "/.", "folder"), (path, "file")):
            try:
                archive = self.get_archive(op, container, name)
                head = b""
                for piece in archive:
                    head += piece
                    if len(head) >= tarfile.BLOCKSIZE:
                        break
                close = getattr(archive, "close", None)
                if close is not None:
                    close()
            except EngineError:
                continue
            return kind
        return None

    def changed_paths(self, op: Operation, container: str) -> frozenset[str]:
        """Every path that was added to, changed in or removed from what the image holds; mounts are not looked into.

        Raises:
            UnsupportedError: this engine cannot tell.
        """
        raise self._unsupported(op, "does not tell what changed in a container")

    # Networks

    def create_network(self, op: Operation, name: str, labels: Mapping[str, str]) -> None:
        """Make a network on which containers reach each other by name.

        Raises:
            NameConflictError: there is one of that name.
            UnsupportedError: this engine has none.
        """
        raise self._unsupported(op, "makes no networks of its own")

    def remove_network(self, op: Operation, name: str) -> None:
        """Remove it; a missing one is no error.

        Raises:
            UnsupportedError: this engine has none.
        """
        raise self._unsupported(op, "makes no networks of its own")

    def remove_volume(self, op: Operation, name: str) -> None:
        """Remove a named volume that no container uses; a missing one is no error.

        Raises:
            EngineError: a container uses it.
            UnsupportedError: this engine has no volumes.
        """
        raise self._unsupported(op, "has no volumes")

    def _unsupported(self, op: Operation, problem: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self.platform_name} {problem}",
            hint="`dvm platforms` lists other runtimes.",
            platform=self.platform_name,
            operation=op.name,
        )

    # Images

    @abstractmethod
    def inspect_image(self, op: Operation, name: str) -> ImageInfo | None:
        """The image of that name or ID; None if it is not on the engine."""

    @abstractmethod
    def list_images(self, op: Operation) -> list[ImageInfo]:
        """Every tagged image on the engine."""

    @abstractmethod
    def pull_image(self, op: Operation, name: str, platform: str, progress: Progress) -> None:
        """Fetch it from its registry.

        Raises:
            ImageNotFoundError: no registry has it, none could be reached, or the user may not have it.
        """

    @abstractmethod
    def remove_image(self, op: Operation, name: str, *, force: bool) -> None:
        """Remove the name, and the image when it was its last.

        Raises:
            ImageNotFoundError: there is none.
            EngineError: a container needs it and ``force`` was not given.
        """

    @abstractmethod
    def build_image(self, op: Operation, options: BuildOptions, labels: Mapping[str, str], progress: Progress) -> str:
        """Build and tag it; the image's full ID. Aborting ``op`` ends the engine's work too.

        Raises:
            BuildError: a step failed; ``logs`` has its last lines.
        """
