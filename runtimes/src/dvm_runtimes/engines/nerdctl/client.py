"""`NerdctlClient` runs nerdctl commands within the limits of an operation."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dvm_runtimes import operation
from dvm_runtimes.engines.base import STDERR
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.operation import Operation

from .argv import ContainerEnv
from .error_mapping import failure, missing_nerdctl
from .logrus import reason
from .profile import NerdctlProfile
from .transport import AbortedError, Call, Channel, Transport, TransportError

END_LIMIT = 3.0
"""Seconds that ending a call where the engine is may take."""

_SLACK = 10.0
"""Seconds beyond an operation's limit after which a call ends by itself where the engine is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exit code and output of a finished command."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def message(self) -> str:
        """Why it failed: nerdctl's own message."""
        return reason(self.stderr.decode(errors="replace"))


class NerdctlClient:
    """Runs nerdctl through one transport; failures become `DvmError`.

    Args:
        transport: the way to nerdctl.
        profile: names and hints of the platform.
    """

    def __init__(self, transport: Transport, profile: NerdctlProfile) -> None:
        self.transport = transport
        self.profile = profile
        self._channels: weakref.WeakSet[Channel] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False

    def nerdctl(self, args: Iterable[str], operands: Iterable[str] = (), env: ContainerEnv | None = None) -> Call:
        """A call of nerdctl; see `Call`."""
        return Call(command=(*self.transport.nerdctl, *args), operands=tuple(operands), env=env or ContainerEnv())

    def script(self, script: str, *values: str) -> Call:
        """A call of one of `scripts`: its arguments are the values, then nerdctl's command and global flags."""
        return Call(command=("sh", "-c", script, "dvm", *values, *self.transport.nerdctl))

    def run(self, op: Operation, call: Call) -> Outcome:
        """Run it to its end; a call that is cut short is ended on the engine's machine too.

        Raises:
            RuntimeUnavailableError: the connection broke.
        """
        out: list[bytes] = []
        err: list[bytes] = []
        with self.running(op, call) as channel:
            while (piece := channel.read()) is not None:
                (err if piece[0] == STDERR else out).append(piece[1])
            code = channel.wait()
        return Outcome(code, b"".join(out), b"".join(err))

    def ok(self, op: Operation, call: Call, subject: str = "") -> bytes:
        """Run it and return its standard output.

        Raises:
            DvmError: it failed; see `error_mapping.failure`.
        """
        outcome = self.run(op, call)
        if outcome.code:
            raise self.failed(op, outcome.message, subject)
        return outcome.stdout

    def failed(self, op: Operation, message: str, subject: str = "") -> DvmError:
        """The typed error for nerdctl's message."""
        return failure(message, self.profile, op.name, subject)

    @contextlib.contextmanager
    def running(self, op: Operation, call: Call) -> Iterator[Channel]:
        """The open channel of a call. Leaving the block early ends the call on both machines."""
        channel = self.open(op, call)
        finished = False
        try:
            with op.aborting(channel.abort), self.typed(op):
                yield channel
                finished = True
        finally:
            channel.close()
            if not finished:
                self.transport.end(call.mark, END_LIMIT)

    def open(self, op: Operation, call: Call) -> Channel:
        """Start a call that ends with ``op``.

        Raises:
            RuntimeUnavailableError: nerdctl is missing or out of reach, or this client was closed.
        """
        op.check()
        return self.open_lasting(op, limited(call, op))

    def open_lasting(self, op: Operation, call: Call) -> Channel:
        """Start a call that may outlive ``op``, which opens it.

        Raises:
            RuntimeUnavailableError: nerdctl is missing or out of reach, or this client was closed.
        """
        with self.typed(op):
            if self._closed:
                raise AbortedError
            channel = self.transport.open(call)
            self._remember(channel)
            return channel

    def _remember(self, channel: Channel) -> None:
        with self._lock:
            self._channels.add(channel)
        # Closed meanwhile, after `close` took its list.
        if self._closed:
            channel.abort()

    def close(self) -> None:
        """Abort every open call; its caller gets an error and ends it on the engine's machine."""
        self._closed = True
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.abort()
        self.transport.close()

    @contextlib.contextmanager
    def typed(self, op: Operation) -> Iterator[None]:
        """Within the block, errors of a channel become typed errors."""
        try:
            yield
        except AbortedError as error:
            op.check()
            raise self._cut_off(op) from error
        except TransportError as error:
            raise self.unreachable(op, str(error)) from error

    def _cut_off(self, op: Operation) -> DvmError:
        name = self.profile.platform_name
        if not self._closed:
            return operation.AbortedError(f"the call to {name} was aborted", platform=name, operation=op.name)
        return RuntimeUnavailableError(
            "this runtime was closed", hint="Create another one.", platform=name, operation=op.name
        )

    def unreachable(self, op: Operation, message: str) -> DvmError:
        """The typed error for a failed transport."""
        if "nerdctl" in message and ("No such file" in message or "not found" in message):
            return missing_nerdctl(self.profile, op.name, message)
        return RuntimeUnavailableError(
            f"{self.profile.platform_name} cannot be reached: {message or 'no answer'}",
            hint=self.profile.hints.start,
            platform=self.profile.platform_name,
            operation=op.name,
            detail=message,
        )


def limited(call: Call, op: Operation) -> Call:
    """The call with a limit of its own on the engine's machine, in case this process dies before it ends."""
    import dataclasses

    remaining = op.remaining()
    return call if remaining is None else dataclasses.replace(call, limit=remaining + _SLACK)


@contextlib.contextmanager
def sending(channel: Channel, pieces: Iterable[bytes]) -> Iterator[None]:
    """Within the block, a thread writes ``pieces`` to the program's standard input and closes it.

    The block reads the program's output meanwhile. An error of ``pieces`` itself aborts the channel, and is raised
    from the block: the program must not go on without its input.
    """
    failed: list[Exception] = []

    def send() -> None:
        try:
            for piece in pieces:
                channel.write(piece)
            channel.close_stdin()
        except (AbortedError, TransportError):
            pass  # the block meets the same
        except Exception as error:  # noqa: BLE001 - raised again below
            failed.append(error)
            channel.abort()

    thread = threading.Thread(target=send, name="dvm-stdin", daemon=True)
    thread.start()
    try:
        yield
    except AbortedError:
        thread.join()
        if failed:
            raise failed[0] from None
        raise
    finally:
        channel.abort()
        thread.join()
