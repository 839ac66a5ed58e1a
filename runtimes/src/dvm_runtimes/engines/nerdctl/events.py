"""containerd's events of containers, through ``nerdctl events``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from dvm_runtimes.engines.base import STDOUT, EngineEvent, EventStream
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.infos import EventKind
from dvm_runtimes.operation import Operation

from .client import NerdctlClient
from .json_output import event, label_updates
from .logrus import reason
from .transport import AbortedError, Channel, TransportError, new_mark

WATCH_LABEL = "io.devopsmaestro.watch"
"""A label of the namespace: setting it is the only event that nobody else is disturbed by."""

_ASK_AGAIN = 0.5


class NerdctlEvents(EventStream):
    """The events of one namespace from now on.

    nerdctl says nothing when it has begun to listen. So the namespace's label
    is set until its event comes back: from then on nothing is missed.

    Args:
        client: runs nerdctl.
        op: limits the opening.
        names: what is known of names: container ID to name.
        look_up: the name of a container that is new; None if it is gone already.
    """

    def __init__(
        self, client: NerdctlClient, op: Operation, names: dict[str, str], look_up: Callable[[str], str | None]
    ) -> None:
        self._client = client
        self._names = names
        self._look_up = look_up
        self._rest = b""
        self._errors = b""
        self._closed = False
        self._lock = threading.Lock()
        self._early: list[EngineEvent] = []
        call = client.nerdctl(("events", "--format", "{{json .}}"))
        self._mark = call.mark
        # The stream outlives the call that opens it, so its limit is not the call's.
        self._channel: Channel = client.open_lasting(op, call)
        try:
            with op.aborting(self._channel.abort), client.typed(op):
                self._await_listening(op)
        except BaseException:
            self.close()
            raise

    def _await_listening(self, op: Operation) -> None:
        nonce = new_mark()
        done = threading.Event()
        asker = threading.Thread(target=self._ask, args=(op, nonce, done), name="dvm-events", daemon=True)
        asker.start()
        try:
            while True:
                line = self._line()
                if nonce in label_updates(line):
                    return
                if (early := self._take(line)) is not None:
                    self._early.append(early)
        finally:
            done.set()
            asker.join()

    def _ask(self, op: Operation, nonce: str, done: threading.Event) -> None:
        namespace = self._client.profile.namespace
        label = f"{WATCH_LABEL}={nonce}"
        while not done.is_set():
            try:
                outcome = self._client.run(
                    op, self._client.nerdctl(("namespace", "update", "--label", label, namespace))
                )
                if outcome.code:
                    # Nothing was ever in it, so it is not there.
                    self._client.run(op, self._client.nerdctl(("namespace", "create", "--label", label, namespace)))
            except DvmError:
                self._channel.abort()
                return
            # The event may have come before nerdctl listened: then once more.
            done.wait(_ASK_AGAIN)

    def next(self) -> EngineEvent | None:
        if self._early:
            return self._early.pop(0)
        while True:
            try:
                line = self._line()
            except AbortedError:
                if self._closed:
                    return None
                raise self._broken("it was cut off") from None
            except TransportError as error:
                raise self._broken(str(error)) from error
            if (heard := self._take(line)) is not None:
                return heard

    def _take(self, line: str) -> EngineEvent | None:
        heard = event(line)
        if heard is None:
            return None
        if heard.kind is EventKind.CREATED:
            name = self._look_up(heard.container)
            if name is not None:
                self._names[heard.container] = name
        elif heard.kind is EventKind.REMOVED:
            self._names.pop(heard.container, None)
        elif heard.kind is EventKind.RENAMED:
            before = self._names.get(heard.container)
            if heard.name:
                self._names[heard.container] = heard.name
            if before is None or not heard.name or before == heard.name:
                return None  # some other label changed
        return heard

    def _line(self) -> str:
        while b"\n" not in self._rest:
            piece = self._channel.read()
            if piece is None:
                if self._closed:
                    raise AbortedError
                raise TransportError(reason(self._errors.decode(errors="replace")) or "the stream ended")
            if piece[0] == STDOUT:
                self._rest += piece[1]
            else:
                self._errors = (self._errors + piece[1])[-4096:]
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")

    def _broken(self, message: str) -> RuntimeUnavailableError:
        profile = self._client.profile
        return RuntimeUnavailableError(
            f"the events of {profile.platform_name} broke off: {message}",
            hint=profile.hints.start,
            platform=profile.platform_name,
            operation="watch_workspaces",
            detail=message,
        )

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._channel.abort()
        with contextlib.suppress(OSError):  # the far end closed first
            self._channel.close()
        self._client.end(self._mark, begun=self._channel.begun)
