"""One nerdctl command from start to end, within the limits of an operation."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dvm_runtimes.engines.base import STDERR
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.operation import Operation

from .failures import failure, missing_nerdctl
from .messages import reason
from .profile import NerdctlProfile
from .transport import AbortedError, Call, Channel, Transport, TransportError
from .variables import Variables

END_LIMIT = 3.0
"""Seconds that ending a call where the engine is may take."""

_SLACK = 10.0
"""Seconds beyond an operation's limit after which a call ends by itself where the engine is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished command left: its exit code and its two streams."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def words(self) -> str:
        """Why it failed, in nerdctl's words."""
        return reason(self.stderr.decode(errors="replace"))


class Caller:
    """Runs nerdctl through one transport, and makes typed errors of what goes wrong on the way."""

    def __init__(self, transport: Transport, profile: NerdctlProfile) -> None:
        self.transport = transport
        self.profile = profile
        self._channels: weakref.WeakSet[Channel] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False

    def nerdctl(self, words: Iterable[str], rest: Iterable[str] = (), variables: Variables | None = None) -> Call:
        """A call of nerdctl with these words; see `Call`."""
        return Call(words=(*self.transport.nerdctl, *words), rest=tuple(rest), variables=variables or Variables())

    def script(self, script: str, *values: str) -> Call:
        """A call of a script of `scripts`: its values, then the words of nerdctl."""
        return Call(words=("sh", "-c", script, "dvm", *values, *self.transport.nerdctl))

    def run(self, op: Operation, call: Call) -> Outcome:
        """Run it to its end. Cut short, it is ended there too.

        Raises:
            RuntimeUnavailableError: the way there broke.
        """
        out: list[bytes] = []
        err: list[bytes] = []
        with self.running(op, call) as channel:
            while (piece := channel.read()) is not None:
                (err if piece[0] == STDERR else out).append(piece[1])
            code = channel.wait()
        return Outcome(code, b"".join(out), b"".join(err))

    def ok(self, op: Operation, call: Call, subject: str = "") -> bytes:
        """Run it; its standard output.

        Raises:
            DvmError: it failed; see `failures.failure`.
        """
        outcome = self.run(op, call)
        if outcome.code:
            raise self.failed(op, outcome.words, subject)
        return outcome.stdout

    def failed(self, op: Operation, words: str, subject: str = "") -> DvmError:
        """The typed error for nerdctl's words."""
        return failure(words, self.profile, op.name, subject)

    @contextlib.contextmanager
    def running(self, op: Operation, call: Call) -> Iterator[Channel]:
        """The open channel of a call. Leaving the block early ends the call, there as well as here."""
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
            RuntimeUnavailableError: there is no nerdctl, or no way to it, or this was closed.
        """
        op.check()
        return self.open_lasting(op, limited(call, op))

    def open_lasting(self, op: Operation, call: Call) -> Channel:
        """Start a call that may outlive ``op``, which opens it.

        Raises:
            RuntimeUnavailableError: there is no nerdctl, or no way to it, or this was closed.
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
        # Closed meanwhile: nobody else would cut it.
        if self._closed:
            channel.abort()

    def close(self) -> None:
        """Cut every open call; whoever waits for one is told, and ends it where the engine is."""
        self._closed = True
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.abort()
        self.transport.close()

    @contextlib.contextmanager
    def typed(self, op: Operation) -> Iterator[None]:
        """Within the block, what a channel raises becomes a typed error."""
        try:
            yield
        except AbortedError as error:
            op.check()
            raise self._cut_off(op) from error
        except TransportError as error:
            raise self.unreachable(op, str(error)) from error

    def _cut_off(self, op: Operation) -> DvmError:
        text, hint = f"the call to {self.profile.platform_name} was cut off", "Call again."
        if self._closed:
            text, hint = "this runtime was closed", "Create another one."
        return RuntimeUnavailableError(text, hint=hint, platform=self.profile.platform_name, operation=op.name)

    def unreachable(self, op: Operation, words: str) -> DvmError:
        """The typed error for a transport that did not get there."""
        if "nerdctl" in words and ("No such file" in words or "not found" in words):
            return missing_nerdctl(self.profile, op.name, words)
        return RuntimeUnavailableError(
            f"{self.profile.platform_name} cannot be reached: {words or 'no answer'}",
            hint=self.profile.hints.start,
            platform=self.profile.platform_name,
            operation=op.name,
            detail=words,
        )


def limited(call: Call, op: Operation) -> Call:
    """The call with a limit of its own, for the case that nobody here is left to end it."""
    import dataclasses

    remaining = op.remaining()
    return call if remaining is None else dataclasses.replace(call, limit=remaining + _SLACK)


Sink = Callable[[bytes], object]
