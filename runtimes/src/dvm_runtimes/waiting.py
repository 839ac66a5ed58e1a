"""When a started workspace counts as ready.

Strategies follow what the engine tells (logs, events) where it tells it, and
ask again at growing intervals where nothing does. Each ends at once when the
container dies, with its last log lines.

>>> from dvm_runtimes import LogLine, StartOptions
>>> options = StartOptions(image_name="postgres:17", workspace_name="db", ready=LogLine("ready to accept connections"))
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from dvm_runtimes.engines.base import Container, Engine

from .errors import (
    DvmError,
    ExecError,
    InvalidOptionError,
    OperationCancelledError,
    UnsupportedError,
    WorkspaceNotRunningError,
)
from .infos import ExecResult, HostPort, WorkspaceStatus
from .operation import CancelToken, Operation

LOG_LINES = 20
"""How many of a container's last lines an error carries."""

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_LAST_WORD = 5.0
"""Seconds in which an engine tells of an end that has happened, or of a wait that was cut."""


@dataclass(frozen=True, slots=True)
class WaitTarget:
    """The container that a strategy waits for, and the limits of the wait."""

    engine: Engine
    container: str
    op: Operation

    def inspect(self) -> Container | None:
        """The container as it is now."""
        return self.engine.inspect_container(self.op, self.container)

    def run(self, command: Sequence[str]) -> ExecResult:
        """Run a command inside it."""
        from dvm_runtimes.workspaces.executing import run

        return run(self.engine, self.op, self.container, command)

    def address(self, port: str) -> HostPort | None:
        """Where this host reaches ``"8080/tcp"``; None if it is not published."""
        found = self.inspect()
        return found.ports.get(port) if found is not None else None

    def attempts(self) -> Iterator[None]:
        """Paces asking again: at once, then after pauses that grow from 20 ms to half a second."""
        pause = _FIRST_PAUSE
        while True:
            self.op.check()
            yield
            self.op.wait(threading.Event(), pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)


class WaitStrategy(ABC):
    """One way to tell that a workspace is ready; subclass it for your own."""

    @abstractmethod
    def wait(self, target: WaitTarget) -> None:
        """Return once it is ready. ``target.op`` ends the wait; the container's death does so too."""

    @abstractmethod
    def __str__(self) -> str:
        """What is waited for, for errors: ``"log line 'ready'"``."""


@dataclass(frozen=True, slots=True)
class Running(WaitStrategy):
    """Its main process runs. This much is always waited for."""

    def wait(self, target: WaitTarget) -> None:
        for _ in target.attempts():
            found = target.inspect()
            if found is not None and found.status is WorkspaceStatus.RUNNING:
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
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise InvalidOptionError("ready.pattern", self.pattern, f"not a regular expression: {error}") from None
        if self.times < 1:
            raise InvalidOptionError("ready.times", self.times, "must be at least 1")

    def wait(self, target: WaitTarget) -> None:
        expression = re.compile(self.pattern.encode())
        seen = 0
        rests = {1: b"", 2: b""}
        logs = target.engine.logs(target.op, target.container, tail=None, since=None, follow=True)
        with closing(logs):  # type: ignore[type-var]
            for stream, data in logs:
                *lines, rest = (rests[stream] + data).split(b"\n")
                seen += sum(1 for line in lines if expression.search(line))
                # A prompt has no newline. A line that matched early is not counted again.
                if seen + bool(rest and expression.search(rest)) >= self.times:
                    return
                rests[stream] = rest
        # The log ended, so the container has; whoever watches it says so.
        target.op.wait(threading.Event(), 1.0)
        raise WorkspaceNotRunningError("its output ended", operation=target.op.name)

    def __str__(self) -> str:
        return f"log line {self.pattern!r}"


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
                if self.port in listening_ports(table.decode(errors="replace")):
                    return

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

    def wait(self, target: WaitTarget) -> None:
        address = target.address(f"{self.port}/tcp")
        if address is None:
            raise InvalidOptionError("ready.port", self.port, "is not published", hint=f"Add {self.port} to `ports`.")
        for _ in target.attempts():
            status = self._ask(address, target.op)
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
        if reason := target.engine.capabilities.why_not("health_checks"):
            raise UnsupportedError(f"no health can be waited for: {reason}", operation=target.op.name)
        # The stream is opened before the first look, so that no change is missed.
        with closing(target.engine.events(target.op)) as events, target.op.aborting(events.close):
            while True:
                found = target.inspect()
                # One that has ended has no health any more; whoever watches for its end says so.
                if found is not None and found.status is WorkspaceStatus.RUNNING:
                    if found.health == "healthy":
                        return
                    if found.health == "unhealthy":
                        raise WorkspaceNotRunningError("its health check failed", operation=target.op.name)
                    if not found.health:
                        raise InvalidOptionError("ready", "HealthCheck()", "the image has no health check")
                while True:
                    event = events.next()
                    target.op.check()
                    if event is None or event.container == target.container:
                        break

    def __str__(self) -> str:
        return "a healthy health check"


@dataclass(frozen=True, slots=True)
class Command(WaitStrategy):
    """A command inside ends with 0, as in ``Command(["pg_isready"])``."""

    command: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.command, str) or not self.command:
            raise InvalidOptionError("ready.command", self.command, 'give a list of words, such as ["pg_isready"]')

    def wait(self, target: WaitTarget) -> None:
        for _ in target.attempts():
            if target.run(self.command).exit_code == 0:
                return

    def __str__(self) -> str:
        return f"command {' '.join(self.command)!r}"


def await_ready(strategy: WaitStrategy, target: WaitTarget) -> None:
    """Wait for ``strategy``, but not past the container's end.

    Raises:
        WorkspaceNotRunningError: the container ended first; ``logs`` has its last lines.
    """
    outer = target.op
    outer.step = f"waiting for {strategy}"
    over = CancelToken()  # ends the strategy: the container died, or the call is cut short
    done = CancelToken()  # ends the watcher: the strategy has its answer
    ends: list[int] = []

    def watch() -> None:
        try:
            with Operation(outer.name, cancel=done, platform=outer.platform) as op:
                ends.append(target.engine.wait_container(op, target.container))
        except DvmError:
            pass  # ended by ``done``; or the engine went away, which the strategy sees for itself
        else:
            over.set()

    watcher = threading.Thread(target=watch, name="dvm-wait", daemon=True)
    watcher.start()
    try:
        with (
            outer.aborting(over.set),
            Operation(outer.name, cancel=over, platform=outer.platform) as inner,
        ):
            inner.step = outer.step
            strategy.wait(WaitTarget(target.engine, target.container, inner))
    except DvmError as error:
        outer.check()
        if not isinstance(error, OperationCancelledError):
            # What failed because the container died under it tells less than the death itself.
            found = target.inspect()
            if found is None or found.status is not WorkspaceStatus.RUNNING:
                watcher.join(_LAST_WORD)
            elif not isinstance(error, WorkspaceNotRunningError):
                raise
        raise _ended(strategy, target, ends, error) from error
    finally:
        done.set()
        watcher.join(_LAST_WORD)
    outer.step = ""


def _ended(strategy: WaitStrategy, target: WaitTarget, ends: list[int], error: DvmError) -> WorkspaceNotRunningError:
    why = f"it ended with exit code {ends[0]}" if ends else error.message
    return WorkspaceNotRunningError(
        f"the workspace was not ready: {why} while waiting for {strategy}",
        hint="Its last log lines tell why.",
        platform=target.engine.platform_name,
        operation=target.op.name,
        logs=last_lines(target.engine, target.op, target.container),
    )


def last_lines(engine: Engine, op: Operation, container: str, lines: int = LOG_LINES) -> str:
    """The last lines that a container wrote; empty when they cannot be had."""
    try:
        logs = engine.logs(op, container, tail=lines, since=None, follow=False)
        return b"".join(data for _, data in logs).decode(errors="replace").rstrip()
    except DvmError:
        return ""
