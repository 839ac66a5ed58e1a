"""When a started workspace counts as ready.

Strategies follow what the engine tells (logs, events) where it tells it, and
ask again at growing intervals where nothing does. Each ends at once when the
container dies, with its last log lines.

>>> from dvm_runtimes import LogLine, StartOptions
>>> options = StartOptions(image_name="postgres:17", workspace_name="db", ready=LogLine("ready to accept connections"))
"""

from __future__ import annotations

import codecs
import http.client
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from .errors import ExecError, InvalidOptionError, UnsupportedError, WorkspaceNotRunningError
from .infos import ExecResult, HostPort, WorkspaceStatus
from .operation import Operation
from .validation.fields import check_words

LOG_LINES = 20
"""How many of a container's last lines an error carries."""

_LONGEST_REPORT = 1000
"""Characters of a command's output that an error shows."""
_LONGEST_PROMPT = 4096
"""Characters of an unfinished line that are searched: what waits for input there is a prompt."""


class WaitTarget(Protocol):
    """The workspace that a strategy waits for: what it can ask, and the limits of the wait.

    Attributes:
        op: the limits; the wait ends when it is aborted, and the workspace's end aborts it too.
    """

    op: Operation

    def status(self) -> WorkspaceStatus:
        """Its state now."""

    def run(self, command: Sequence[str]) -> ExecResult:
        """Run a command inside it.

        Raises:
            ExecError: the command could not be started.
        """

    def address(self, port: str) -> HostPort | None:
        """Where this host reaches ``"8080/tcp"``; None if it is not published."""

    def logs(self) -> Generator[tuple[int, bytes]]:
        """What its main process writes, as ``(1 for stdout or 2 for stderr, bytes)``, until it ends."""

    def health(self) -> Generator[str]:
        """The result of the image's health check now and after each change: ``healthy``, ``unhealthy``,
        ``starting``, or empty without a health check.

        Raises:
            UnsupportedError: this engine runs no health checks.
        """

    def health_output(self) -> str:
        """What the last health check wrote, with its exit code; empty before the first."""

    def attempts(self) -> Iterator[None]:
        """Pace asking again: at once, then after pauses that grow from 20 ms to half a second."""

    def report(self, state: str) -> None:
        """Say what an attempt found, as in ``"HTTP 503"``; the error of a failed wait shows the last of these."""


UNREACHABLE_PORT_HINT = (
    'Publish it with host_ip="0.0.0.0" if the engine is on a trusted network, or run this process in a container on '
    "the workspace's network."
)
"""What to do about a published port of an engine that is not on this host."""


class WaitStrategy(ABC):
    """One way to tell that a workspace is ready; subclass it for your own."""

    @abstractmethod
    def wait(self, target: WaitTarget) -> None:
        """Return once it is ready. ``target.op`` ends the wait; the container's death does so too."""

    @abstractmethod
    def __str__(self) -> str:
        """What is waited for, for errors: ``"log line 'ready'"``."""

    def check_ports(self, published: Collection[str]) -> None:  # noqa: B027 -- most need no port
        """Refuse to wait for a port that is not published; called before anything is started.

        Args:
            published: the published ports, as in ``["8080/tcp"]``.

        Raises:
            InvalidOptionError: the wait could not succeed.
        """


@dataclass(frozen=True, slots=True)
class Running(WaitStrategy):
    """Its main process runs. This much is always waited for."""

    def wait(self, target: WaitTarget) -> None:
        for _ in target.attempts():
            if target.status() is WorkspaceStatus.RUNNING:
                return

    def __str__(self) -> str:
        return "its main process"


@dataclass(frozen=True, slots=True)
class LogLine(WaitStrategy):
    """A line of its output matches.

    Args:
        pattern: a regular expression, searched for in each line.
        times: how many lines must match; databases restart once while they set up.
    """

    pattern: str
    times: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str):
            raise InvalidOptionError("ready.pattern", self.pattern, "must be a string")
        try:
            re.compile(self.pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise InvalidOptionError("ready.pattern", self.pattern, f"not a regular expression: {error}") from None
        if isinstance(self.times, bool) or not isinstance(self.times, int) or self.times < 1:
            raise InvalidOptionError("ready.times", self.times, "must be at least 1")

    def wait(self, target: WaitTarget) -> None:
        expression = re.compile(self.pattern)
        lines = {1: _Lines(expression), 2: _Lines(expression)}
        with closing(target.logs()) as logs:
            for stream, data in logs:
                lines[stream].add(data)
                # A prompt has no newline. A line that matched early is not counted again.
                found = sum(one.matches + one.prompt_matches() for one in lines.values())
                if found >= self.times:
                    return
                if found:
                    target.report(f"{found} of {self.times} lines matched")
        # The log ended, so the container has; whoever watches it says so.
        target.op.wait(threading.Event(), 1.0)
        raise WorkspaceNotRunningError("its output ended", operation=target.op.name)

    def __str__(self) -> str:
        return f"log line {self.pattern!r}"


class _Lines:
    """Counts the lines of one stream that match; each character is looked at a fixed number of times."""

    def __init__(self, expression: re.Pattern[str]) -> None:
        self.matches = 0
        self._expression = expression
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._unfinished: list[str] = []

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        *lines, rest = self._text.decode(data).split("\n")
        if lines:
            lines[0] = "".join([*self._unfinished, lines[0]])
            self._unfinished = []
            self.matches += sum(1 for line in lines if self._expression.search(line.removesuffix("\r")))
        if rest:
            self._unfinished.append(rest)

    def prompt_matches(self) -> bool:
        """Whether the unfinished line matches; only its end is searched, so that a long one costs no more."""
        pieces: list[str] = []
        length = 0
        for piece in reversed(self._unfinished):
            pieces.append(piece)
            length += len(piece)
            if length > _LONGEST_PROMPT:
                break
        text = "".join(reversed(pieces)).removesuffix("\r")
        # From a later position on, "^" does not match.
        return bool(text and self._expression.search(text, max(0, len(text) - _LONGEST_PROMPT)))


@dataclass(frozen=True, slots=True)
class TcpPort(WaitStrategy):
    """Something inside listens on a TCP port.

    Asked for inside, in the kernel's table of sockets: from outside, an
    engine's own proxy accepts connections that nobody inside takes.
    """

    port: int

    def wait(self, target: WaitTarget) -> None:
        for _ in target.attempts():
            try:
                table = target.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]).stdout
            except ExecError:  # an image without cat
                if self._answers(target):
                    return
            else:
                ports = listening_ports(table.decode(errors="replace"))
                if self.port in ports:
                    return
                target.report("listening: " + (", ".join(map(str, sorted(ports))) or "nothing"))

    def _answers(self, target: WaitTarget) -> bool:
        address = target.address(f"{self.port}/tcp")
        if address is None:
            raise UnsupportedError(
                f"port {self.port} cannot be watched: it is not published, and the image has no cat",
                hint="Publish the port, or wait for a log line.",
                operation=target.op.name,
            )
        try:
            with socket.create_connection((address.host, address.port), timeout=1.0) as connection:
                connection.settimeout(0.05)
                # A proxy without anybody behind it closes at once.
                return connection.recv(1) != b""
        except TimeoutError:
            return True
        except OSError:
            return False

    def __str__(self) -> str:
        return f"TCP port {self.port}"


def listening_ports(table: str) -> set[int]:
    """The ports in state LISTEN (``0A``) of ``/proc/net/tcp``, whose format is in proc(5).

    >>> sorted(listening_ports("   0: 00000000:1F90 00000000:0000 0A 00000000:00000000"))
    [8080]
    """
    ports = set()
    for line in table.splitlines():
        words = line.split()
        if len(words) > 3 and words[3] == "0A":
            ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


@dataclass(frozen=True, slots=True)
class Http(WaitStrategy):
    """A GET of a published port answers.

    Args:
        port: the port inside; it must be published.
        path: what to ask for.
        status: the status that counts; None for any below 400.
    """

    port: int
    path: str = "/"
    status: int | None = 200

    def check_ports(self, published: Collection[str]) -> None:
        if f"{self.port}/tcp" not in published:
            raise InvalidOptionError("ready.port", self.port, "is not published", hint=f"Add {self.port} to `ports`.")

    def wait(self, target: WaitTarget) -> None:
        address = target.address(f"{self.port}/tcp")
        if address is None:
            raise UnsupportedError(
                f"port {self.port} is published on the engine's host at an address that this process cannot reach",
                hint=UNREACHABLE_PORT_HINT,
                operation=target.op.name,
            )
        for _ in target.attempts():
            status = self._ask(address, target.op)
            target.report("no answer" if status is None else f"HTTP {status}")
            if status is not None and (status == self.status if self.status is not None else status < 400):
                return

    def _ask(self, address: HostPort, op: Operation) -> int | None:
        remaining = op.remaining()
        limit = 5.0 if remaining is None else max(0.05, min(5.0, remaining))
        connection = http.client.HTTPConnection(address.host, address.port, timeout=limit)
        try:
            connection.connect()
            with op.aborting(lambda: _shut(connection.sock)):
                connection.request("GET", self.path, headers={"Connection": "close"})
                return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def __str__(self) -> str:
        return f"HTTP {self.status or 'answer'} from port {self.port}{self.path}"


def _shut(sock: socket.socket | None) -> None:
    try:
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it was closed already


@dataclass(frozen=True, slots=True)
class HealthCheck(WaitStrategy):
    """The image's own health check says healthy."""

    def wait(self, target: WaitTarget) -> None:
        with closing(target.health()) as results:
            for health in results:
                if health == "healthy":
                    return
                output = target.health_output()[-_LONGEST_REPORT:]
                if health == "unhealthy":
                    message = "its health check failed" + (f" ({output})" if output else "")
                    raise WorkspaceNotRunningError(message, operation=target.op.name)
                target.report(f"{health}, {output}" if output else health)
                if not health:
                    raise InvalidOptionError("ready", "HealthCheck()", "the image has no health check")
        target.op.check()

    def __str__(self) -> str:
        return "a healthy health check"


@dataclass(frozen=True, slots=True)
class Command(WaitStrategy):
    """A command inside ends with 0, as in ``Command(["pg_isready"])``."""

    command: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.command, str) or not self.command:
            raise InvalidOptionError("ready.command", self.command, 'give a list of words, such as ["pg_isready"]')
        object.__setattr__(self, "command", check_words("ready.command", self.command))

    def wait(self, target: WaitTarget) -> None:
        for _ in target.attempts():
            result = target.run(self.command)
            if result.exit_code == 0:
                return
            said = (result.stderr.strip() or result.stdout.strip()).decode(errors="replace")
            target.report(f"exit code {result.exit_code}" + (f": {said[-_LONGEST_REPORT:]}" if said else ""))

    def __str__(self) -> str:
        return f"command {' '.join(self.command)!r}"
