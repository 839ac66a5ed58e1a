"""How a program is run where the engine is: on this machine, or in a virtual machine of it."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from .scripts import END_MARKED
from .variables import Variables


def new_mark() -> str:
    """An unguessable word that marks one call, and everything that it starts."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One program to be run where the engine is, as a user who may use the engine.

    Attributes:
        words: the program and its words, as they are: no shell reads them.
        rest: its last words; between the two comes ``--env-file PATH`` when there is such a file.
        variables: environment variables for a container, to be handed over unseen.
        stdin: its standard input is written by us; without, it reads end of file.
        size: it gets a terminal of so many rows and columns.
        merge: its two output streams arrive as one, in the order of writing.
        mark: is in the environment of the program and of all that it starts there.
        limit: seconds after which it is ended there, should nobody here be left to do so; None for never.
    """

    words: tuple[str, ...]
    rest: tuple[str, ...] = ()
    variables: Variables = field(default_factory=Variables)
    stdin: bool = False
    size: tuple[int, int] | None = None
    merge: bool = False
    mark: str = field(default_factory=new_mark)
    limit: float | None = None

    def argv(self, env_file: str) -> list[str]:
        """All of the words, with the path of the file of variables where there is one."""
        flags = [*(["--env-file", env_file] if self.variables.file else []), *self.variables.flags()]
        return [*self.words, *flags, *self.rest]


class AbortedError(Exception):
    """`Channel.abort` was called."""


class TransportError(Exception):
    """The call did not reach its end: the way there is closed or broke. The text is the transport's own."""


class Channel(ABC):
    """One running call. One thread reads and another may write; `abort` may come from any.

    Every blocking method raises `AbortedError` once `abort` was called, and
    `TransportError` when the way there broke.
    """

    @abstractmethod
    def read(self) -> tuple[int, bytes] | None:
        """The next piece of output with its stream, `STDOUT` or `STDERR`; None at the end.

        With a terminal, what the program itself says of its failure comes as `STDERR`.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send all of ``data`` to standard input; a program that has ended takes it silently."""

    @abstractmethod
    def close_stdin(self) -> None:
        """Let the program read end of file."""

    @abstractmethod
    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""

    @abstractmethod
    def wait(self) -> int:
        """The program's own exit code, after `read` gave None."""

    @abstractmethod
    def abort(self) -> None:
        """Make blocked calls raise. Does not block."""

    @abstractmethod
    def close(self) -> None:
        """Release everything here. What runs there is left to `Transport.end`."""


class Transport(ABC):
    """One way to one engine's machine. Shared between threads."""

    nerdctl: tuple[str, ...]
    """The words that every nerdctl command begins with, global flags included."""

    @abstractmethod
    def open(self, call: Call) -> Channel:
        """Start it.

        Raises:
            TransportError: it cannot be started.
        """

    @abstractmethod
    def end(self, mark: str, seconds: float, script: str = END_MARKED) -> None:
        """End everything there that carries ``mark``, within ``seconds``; never raises.

        Args:
            script: how; one of `scripts`, which takes the mark.
        """

    @abstractmethod
    def command(self, words: tuple[str, ...]) -> list[str]:
        """The words with which a program of this machine runs ``words`` there, with no input and no secret."""

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what is kept between calls."""
