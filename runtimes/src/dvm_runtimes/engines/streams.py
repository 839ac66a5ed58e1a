"""Streams that an engine opens: the two-way stream of a running command, and its own events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self

from dvm_runtimes.infos import EventKind

STDOUT = 1
STDERR = 2


class ExecSession(ABC):
    """One running command: bytes in, bytes out, then an exit code. From `ContainerRuntime.open_exec`.

    One thread reads and another may write at the same time. Every blocking method ends when `abort` is called, which
    any thread may do. As a context manager, it is closed at the end of the block.

    >>> from dvm_runtimes import StartOptions, create_runtime
    >>> with create_runtime("mock") as runtime:
    ...     workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
    ...     with runtime.open_exec(workspace, ["cat"]) as session:
    ...         session.write(b"hello")
    ...         session.close_stdin()
    ...         piece = session.read()
    ...         code = session.wait()
    >>> piece, code
    ((1, b'hello'), 0)
    """

    @abstractmethod
    def read(self) -> tuple[int, bytes] | None:
        """The next piece of output as ``(1 for stdout or 2 for stderr, bytes)``; None at its end.

        With a terminal, everything arrives as stdout.

        Raises:
            DvmError: the engine went away in the middle, or the session was aborted.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send all of ``data`` to the command's standard input; a command that has ended takes it silently."""

    @abstractmethod
    def close_stdin(self) -> None:
        """Let the command read end of file."""

    @abstractmethod
    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size; ignored once the command has ended."""

    @abstractmethod
    def wait(self) -> int:
        """The command's exit code; 128 plus the number of a signal that ended it.

        Sessions of `ContainerRuntime.open_exec` read and discard what is left of the output. An engine's own may be
        asked only after `read` gave None.

        Raises:
            ExecError: the command could not be started at all.
        """

    @abstractmethod
    def kill(self) -> None:
        """End the command inside the container, and all that it started. Bounded in time; never raises."""

    @abstractmethod
    def abort(self) -> None:
        """Make blocked calls of this session end at once. Does not block."""

    @abstractmethod
    def close(self) -> None:
        """Release the connection.

        Sessions of `ContainerRuntime.open_exec` first `kill` a command that still runs; an engine's own leave it.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class EngineEvent(NamedTuple):
    """One change of a container, from the engine's own stream.

    Attributes:
        kind: what happened.
        container: its full ID.
        name: its name; may be empty.
        labels: what the stream tells of its labels; may be empty.
        time: seconds since the epoch.
        exit_code: for ``stopped``, where the stream tells.
    """

    kind: EventKind
    container: str
    name: str = ""
    labels: Mapping[str, str] = MappingProxyType({})
    time: float = 0.0
    exit_code: int | None = None


class EventStream(ABC):
    """The engine's events from the moment this was opened, until closed or broken."""

    @abstractmethod
    def next(self) -> EngineEvent | None:
        """Wait for the next event of any container; None when the stream was closed by us.

        Raises:
            RuntimeUnavailableError: the stream broke.
        """

    @abstractmethod
    def close(self) -> None:
        """End a blocked `next`, from any thread."""
