"""`CommandServer`: pygls' `LanguageServer` with its own reading, dispatching and ending."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from pygls.lsp.server import LanguageServer

from dvm_runtimes.jsonrpc.frames import encode_frame

from .client import Client, OnReply, Outgoing, Trace, initialize_result, parse_initialize
from .dispatch import Dispatcher, encode
from .errors import INTERNAL_ERROR, RequestError
from .messages import Id
from .process import exit_after, watch_process
from .pygls_protocol import CommandProtocol, LateConverter
from .reader import Reader
from .writer import Writer

log = logging.getLogger(__name__)

SHUTDOWN_LIMIT = 1.5
"""Seconds that ``shutdown`` waits for commands to clean up; VS Code's client waits 2 s for its answer."""

ENDING_LIMIT = 0.7
"""Seconds that commands have to clean up when the client has ended."""

LAST_LIMIT = 0.9
"""Seconds after which the process exits in any case when the client has ended."""


class CommandServer(LanguageServer):
    """A server of commands over standard input and output.

    Commands are registered with `command`. They run on the event loop as ``f(argument)`` and must not block; with
    `thread`, they run on a thread as ``f(work)``. ``argument`` is the first of the request's arguments, or None. A
    command on the loop may return `RunOnThread`.
    """

    protocol: CommandProtocol

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name, version, protocol_cls=CommandProtocol, converter_factory=LateConverter)
        self.client = Client()
        """The client; empty before ``initialize``."""
        self.experimental: dict[str, Any] = {}
        """The server's own capabilities, for the result of ``initialize``."""
        self.outgoing = Outgoing()
        self.trace = Trace(self.notify_client)
        self.can_show_progress = False
        self._tokens = itertools.count(1)
        self._writer: Writer | None = None
        self._dispatcher: Dispatcher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[int] | None = None
        self._unwatch: Callable[[], None] = lambda: None

    # For subclasses

    def explain(self, error: BaseException, command: str, argument: Any) -> RequestError:
        """The error response for an exception of a command; without its text, which may contain secrets."""
        log.error("%s failed with %s", command, type(error).__name__)
        return RequestError(INTERNAL_ERROR, f"{command} failed: {type(error).__name__}")

    def after_initialize(self) -> None:
        """Called on the loop after the response to ``initialize``, for imports that take longer."""

    def close(self) -> None:
        """Called on a thread at the end, when no command is running; has about 0.2 s."""

    # To the client; from any thread

    def notify_client(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def request_client(self, method: str, params: Any, on_reply: OnReply) -> Id:
        """Send a request; ``on_reply`` is called on the loop with the result and the error of its response."""
        identifier = self.outgoing.new(on_reply)
        self._send({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})
        return identifier

    def wait_for_room(self, cancel: threading.Event) -> None:
        """Wait until the client has read most of what it was sent or has ended, or ``cancel``; not for the loop."""
        writer = self._writer
        while writer is not None and writer.full and not (self._is_ending or cancel.is_set()):
            writer.wait_for_room(0.2)

    def new_token(self) -> str:
        """A new token for progress."""
        return f"dvm-progress-{next(self._tokens)}"

    def _send(self, message: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.put(encode_frame(encode(message)))

    # Start and end

    def serve(self, reading: int, writing: int) -> int:
        """Serve the client at these descriptors until it ends; the exit code of the process."""
        return asyncio.run(self._serve(reading, writing))

    def end(self, code: int, reason: str) -> None:
        """End the server; on the loop. Only the first call counts."""
        if self._ended is not None and not self._ended.done():
            log.info("Ending: %s", reason)
            self._ended.set_result(code)

    @property
    def _is_ending(self) -> bool:
        return self._ended is None or self._ended.done()

    async def _serve(self, reading: int, writing: int) -> int:
        loop = self._loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_without_values)
        self._ended = loop.create_future()
        post = loop.call_soon_threadsafe
        writer = self._writer = Writer(writing, lambda reason: post(self.end, 1, reason))
        reader: Reader = Reader(reading, lambda messages: post(dispatcher.deliver, messages), lambda: post(self._eof))
        dispatcher = self._dispatcher = Dispatcher(self, writer, reader.handled)
        for number in (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
            try:
                loop.add_signal_handler(number, self.end, 128 + number, f"signal {signal.Signals(number).name}")
            except (NotImplementedError, ValueError, RuntimeError):
                break  # Windows, or not the main thread: the default handlers remain
        reader.start()
        code = await self._ended
        # From here on nothing may delay the exit: neither a command that does not end nor a client that does not read.
        exit_after(LAST_LIMIT, code)
        until = time.monotonic() + ENDING_LIMIT
        self._unwatch()
        await self._stop_commands(ENDING_LIMIT)
        closing = threading.Thread(target=self.close, name="dvm-close", daemon=True)
        closing.start()
        await loop.run_in_executor(None, closing.join, max(0.1, until - time.monotonic()))
        reader.close(0.1)
        writer.close(0.1)
        return code

    async def _stop_commands(self, seconds: float) -> None:
        dispatcher = self._dispatcher
        assert dispatcher is not None
        idle = asyncio.Event()
        dispatcher.cancel_all()
        dispatcher.when_idle(idle.set)
        try:
            await asyncio.wait_for(idle.wait(), seconds)
        except TimeoutError:
            pass  # logged below
        if dispatcher.pending:
            log.warning("%d commands did not end in time", dispatcher.pending)

    def _eof(self) -> None:
        done = self._dispatcher is not None and self._dispatcher.was_shut_down
        self.end(0 if done else 1, "the client closed its side")

    # What the dispatcher calls

    def handle_initialize(self, params: Any) -> Any:
        """Handle ``initialize``; its result.

        Raises:
            RequestError: the parameters are not those of the specification.
        """
        self.client = parse_initialize(params)
        self.can_show_progress = self.client.can("window", "workDoneProgress")
        self.trace.set(self.client.trace)
        if self.client.process_id is not None:
            self._unwatch = watch_process(self.client.process_id, lambda: self.end(1, "the client's process has ended"))
        commands = list(self.protocol.fm.commands)
        return initialize_result(self.name, self.version, commands, self.experimental)

    def handle_notification(self, method: str, params: dict[str, Any]) -> None:
        """Handle a notification; one with wrong parameters is ignored."""
        if method == "$/setTrace":
            self.trace.set(params.get("value"))
        elif method == "workspace/didChangeWorkspaceFolders":
            self.client.change_folders(params.get("event"))
        elif (feature := self.protocol.fm.features.get(method)) is not None:
            try:
                feature(params)
            except Exception as error:  # noqa: BLE001 - the server outlives its features
                log.error("%s failed with %s", method, type(error).__name__)

    def handle_shutdown(self, answer: Callable[[], object]) -> None:
        """Cancel every command, then call ``answer``: when all have ended, or after `SHUTDOWN_LIMIT`."""
        assert self._dispatcher is not None
        assert self._loop is not None
        answered = False

        def once() -> None:
            nonlocal answered
            if not answered:
                answered = True
                answer()

        timer = self._loop.call_later(SHUTDOWN_LIMIT, once)

        def idle() -> None:
            timer.cancel()
            once()

        self._dispatcher.cancel_all()
        self._dispatcher.when_idle(idle)


def _log_without_values(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # asyncio's own handler logs callbacks with their arguments, which may contain secrets.
    error = context.get("exception")
    log.error("In the loop: %s", type(error).__name__ if error is not None else "something went wrong")
