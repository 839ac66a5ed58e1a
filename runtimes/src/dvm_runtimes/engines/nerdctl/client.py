"""`NerdctlClient` runs nerdctl commands within the limits of an operation."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dvm_runtimes import operation
from dvm_runtimes.cleanup.leftovers import Leftovers
from dvm_runtimes.engines.base import STDERR
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.operation import Operation

from . import scripts
from .argv import ContainerEnv
from .error_mapping import failure, missing_nerdctl
from .logrus import reason
from .profile import NerdctlProfile
from .transport import AbortedError, Call, Channel, Transport, TransportError

_SIGN_OF_LIFE = 1.0
"""Seconds for a sign of life of the engine's machine before a call's end there is left to the background."""

_END_LIMIT = 5.0
"""Seconds that a caller waits for the end of its call on an engine's machine that is alive."""

_BACKGROUND_LIMIT = 60.0
"""Seconds for which the end of a call is tried in the background; after that the ledger has it."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two tries."""

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
        leftovers: records calls that could not be ended in time; None records none.
    """

    def __init__(self, transport: Transport, profile: NerdctlProfile, leftovers: Leftovers | None = None) -> None:
        self.transport = transport
        self.profile = profile
        self._leftovers = leftovers
        self._channels: weakref.WeakSet[Channel] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self._stopped = threading.Event()

    def nerdctl(self, args: Iterable[str], operands: Iterable[str] = (), env: ContainerEnv | None = None) -> Call:
        """A call of nerdctl; see `Call`."""
        command = (*self.transport.nerdctl, *args)
        return Call(command=command, operands=tuple(operands), env=env or ContainerEnv())

    def query(self, *args: str) -> Call:
        """A call of nerdctl that only reads."""
        return Call(command=(*self.transport.nerdctl, *args), reads=True)

    def script(self, script: str, *values: str, reads: bool = False) -> Call:
        """A call of one of `scripts`: its arguments are the values, then nerdctl's command and global flags."""
        return Call(command=("sh", "-c", script, "dvm", *values, *self.transport.nerdctl), reads=reads)

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
            # A call that only reads and has not begun there ends by its own limit.
            if not finished and (channel.begun or not call.reads):
                self.end(call.mark, begun=channel.begun, record=not call.reads)

    def end(self, mark: str, script: str = scripts.END_MARKED, *, begun: bool = True, record: bool = True) -> None:
        """End a call on the engine's machine.

        The caller is held up only by a machine that answers, for at most 5 s. One that hangs is tried again in the
        background, and the ledger has the call until it has ended.

        Args:
            mark: of the call.
            script: one of `scripts` that takes the mark.
            begun: whether the machine has begun to run the call.
            record: whether the ledger gets a call that has not ended.
        """
        alive, done = threading.Event(), threading.Event()

        def work() -> None:
            pause, give_up = _FIRST_PAUSE, time.monotonic() + _BACKGROUND_LIMIT
            while not self.transport.end(mark, script, _END_LIMIT, alive):
                if time.monotonic() > give_up or self._stopped.wait(pause):
                    return
                pause = min(pause * 2, _LONGEST_PAUSE)
            done.set()
            alive.set()
            if self._leftovers is not None:
                self._leftovers.removed("call", mark)

        # A daemon: if this process ends first, the reaper of the ledger ends the call.
        threading.Thread(target=work, name="dvm-end", daemon=True).start()
        alive.wait(_SIGN_OF_LIFE if begun else 0.0)
        if alive.is_set() and done.wait(_END_LIMIT):
            return
        if record and self._leftovers is not None:
            self._leftovers.add("call", mark)
            if done.is_set():
                self._leftovers.removed("call", mark)

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
        self._stopped.set()
        if self._leftovers is not None:
            self._leftovers.close()
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
