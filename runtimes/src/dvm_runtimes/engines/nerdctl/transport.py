"""The interface to the machine where the engine runs: this one, or a virtual machine on it."""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from .argv import ContainerEnv


def new_mark() -> str:
    """An unguessable name for one call and every process that it starts."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One program to run on the engine's machine, as a user with access to the engine.

    Attributes:
        command: the program and its first arguments; no shell reads them.
        operands: its last arguments; ``--env-file PATH`` goes between the two.
        env: environment variables for a container; never in a process list.
        stdin: standard input is written through the channel; else it is empty.
        size: rows and columns of a terminal; None for none.
        merge: standard error joins standard output, in the order of writing.
        mark: a value in the environment of the program and of every process that it starts there.
        limit: seconds after which it is ended there even if this process is gone; None for never.
        reads: it changes nothing and ends soon, so that nothing is lost if its end there is not certain.
    """

    command: tuple[str, ...]
    operands: tuple[str, ...] = ()
    env: ContainerEnv = field(default_factory=ContainerEnv)
    stdin: bool = False
    size: tuple[int, int] | None = None
    merge: bool = False
    mark: str = field(default_factory=new_mark)
    limit: float | None = None
    reads: bool = False

    def argv(self, env_file: str) -> list[str]:
        """The whole command line, with the path of the env-file."""
        flags = [*(["--env-file", env_file] if self.env.file else []), *self.env.flags()]
        return [*self.command, *flags, *self.operands]


class AbortedError(Exception):
    """`Channel.abort` was called."""


class TransportError(Exception):
    """The connection to the engine's machine failed; the text is the transport's message."""


class Channel(ABC):
    """One running call. One thread reads and another may write; `abort` may come from any.

    Every blocking method raises `AbortedError` once `abort` was called, and
    `TransportError` when the connection broke.
    """

    @abstractmethod
    def read(self) -> tuple[int, bytes] | None:
        """The next piece of output with its stream, `STDOUT` or `STDERR`; None at the end.

        With a terminal, the program's own standard error comes as `STDERR`.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send all of ``data`` to standard input; a program that has ended is no error."""

    @abstractmethod
    def close_stdin(self) -> None:
        """End the program's input."""

    @abstractmethod
    def resize(self, rows: int, columns: int) -> None:
        """Set the terminal's size."""

    @abstractmethod
    def wait(self) -> int:
        """The program's own exit code, after `read` gave None."""

    @property
    def begun(self) -> bool:
        """Whether the engine's machine has begun to run the call."""
        return True

    @abstractmethod
    def abort(self) -> None:
        """Make blocked calls raise. Does not block."""

    @abstractmethod
    def close(self) -> None:
        """Release everything on this machine; `Transport.end` ends the program on the engine's machine."""


class Transport(ABC):
    """The connection to one engine's machine. Shared between threads."""

    nerdctl: tuple[str, ...]
    """nerdctl and its global flags."""

    @abstractmethod
    def open(self, call: Call) -> Channel:
        """Start it.

        Raises:
            TransportError: it cannot be started.
        """

    @abstractmethod
    def end(self, mark: str, script: str, seconds: float, alive: threading.Event) -> bool:
        """End every process there that carries ``mark``; returns whether that is done. Never raises.

        Args:
            mark: of the call.
            script: one of `scripts` that takes the mark.
            seconds: after which it gives up.
            alive: set once the engine's machine has answered.
        """

    @abstractmethod
    def command(self, argv: tuple[str, ...]) -> list[str]:
        """The command line of this machine that runs ``argv`` there, without input and secrets."""

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what is kept between calls."""
