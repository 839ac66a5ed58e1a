"""`Dispatcher`: handles each message of the client."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pygls.feature_manager import is_thread_function

from dvm_runtimes.jsonrpc.frames import encode_frame
from dvm_runtimes.operation import CancelToken

from .errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALIZED,
    REQUEST_CANCELLED,
    REQUEST_FAILED,
    RequestError,
)
from .messages import Id, Message, Notification, Refused, Reply, Request
from .work import Progress, RunOnThread, Work
from .writer import Writer

if TYPE_CHECKING:
    from .server import CommandServer

THREADS = 100
"""Commands that run at the same time; further ones are queued."""

MAX_PENDING = 10_000
"""Commands that run or are queued; further ones are refused."""

MAX_PENDING_BYTES = 128 * 1024 * 1024
"""Bytes of the requests that run or are queued; further ones are refused."""

_TURN = 500
"""Messages that are handled in one iteration of the event loop."""

_PIECE = 64 * 1024

log = logging.getLogger(__name__)

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Dispatcher:
    """Handles the messages of one client, on the event loop; commands that take time run on threads.

    Args:
        server: its features and commands are called.
        writer: for responses.
        handled: called once for each call of `deliver`, when its messages were handled.
    """

    def __init__(self, server: CommandServer, writer: Writer, handled: Callable[[], object]) -> None:
        self._server = server
        self._writer = writer
        self._handled = handled
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="dvm-command")
        self._inbox: deque[Message | None] = deque()
        self._draining = False
        self._out: list[bytes] = []
        self._out_size = 0
        self._pending: dict[Id, Work] = {}
        self._pending_bytes = 0
        self._by_token: dict[Id, Work] = {}
        self._state = "new"
        self._when_idle: Callable[[], object] | None = None

    @property
    def pending(self) -> int:
        """The number of commands that run or are queued."""
        return len(self._pending)

    @property
    def was_shut_down(self) -> bool:
        """Whether the client has sent ``shutdown``."""
        return self._state == "shutdown"

    def deliver(self, messages: list[Message]) -> None:
        """Handle the messages of one chunk, in order."""
        self._inbox.extend(messages)
        self._inbox.append(None)
        if not self._draining:
            self._drain()
        elif self._writer.full:
            self._take_urgent()

    def cancel_all(self) -> None:
        """Cancel every command."""
        for work in list(self._pending.values()):
            work.cancel.set()

    def when_idle(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` on the loop when no command is running."""
        self._when_idle = callback
        self._check_idle()

    # Messages

    def _drain(self) -> None:
        self._draining = True
        for _ in range(_TURN):
            if not self._inbox:
                self._draining = False
                break
            if self._writer.full:
                self._take_urgent()
                break
            message = self._inbox.popleft()
            if message is None:
                self._handled()
                continue
            try:
                self._route(message)
            except Exception as error:  # noqa: BLE001 - one message must not stop the next
                log.error("A message could not be handled: %s", type(error).__name__)
        self._flush()
        if self._draining:
            self._writer.when_room(lambda: self._loop.call_soon_threadsafe(self._drain))

    def _take_urgent(self) -> None:
        """Handle cancellations and ``exit`` while requests wait because the client does not read."""
        waiting: deque[Message | None] = deque()
        for message in self._inbox:
            if isinstance(message, Notification) and self._is_urgent(message):
                self._notification(message)
            else:
                waiting.append(message)
        self._inbox = waiting

    def _is_urgent(self, notification: Notification) -> bool:
        method, params = notification
        if method == "exit" or not isinstance(params, dict):
            return method == "exit"
        if method == "$/cancelRequest":  # that of a queued request waits behind it
            return _get(self._pending, params.get("id")) is not None
        return method == "window/workDoneProgress/cancel" and _get(self._by_token, params.get("token")) is not None

    def _route(self, message: Message) -> None:
        if type(message) is Request:
            try:
                self._request(message)
            except RequestError as error:
                self._refuse(message.id, error)
        elif type(message) is Notification:
            self._notification(message)
        elif type(message) is Reply:
            self._server.outgoing.answered(message)
        elif type(message) is Refused:
            log.warning("Refused a message: %s", message.error.message)
            self._refuse(message.id, message.error)

    def _request(self, request: Request) -> None:
        method = request.method
        if self._state == "new" and method != "initialize":
            raise RequestError(NOT_INITIALIZED, "The first request must be initialize")
        if self._state == "shutdown":
            raise RequestError(INVALID_REQUEST, "The server was shut down; only exit may follow")
        if method == "workspace/executeCommand":
            self._execute(request)
        elif method == "initialize":
            if self._state != "new":
                raise RequestError(INVALID_REQUEST, "initialize was sent before")
            result = self._server.handle_initialize(request.params)
            self._state = "initialized"
            self._answer_now(request.id, result)
            self._server.after_initialize()
        elif method == "shutdown":
            self._state = "shutdown"
            self._server.handle_shutdown(lambda: self._answer_now(request.id, None))
        else:
            feature = self._server.protocol.fm.features.get(method)
            if feature is None:
                raise RequestError(METHOD_NOT_FOUND, f"There is no method {method[:100]!r}")
            self._answer(request.id, self._call(method, feature, request.params))

    def _notification(self, notification: Notification) -> None:
        method, params = notification
        if method == "exit":
            self._server.end(0 if self.was_shut_down else 1, "the client sent exit")
        elif self._state != "initialized" or not isinstance(params, dict):
            return
        elif method == "$/cancelRequest":
            self._cancel(self._pending, params.get("id"))
        elif method == "window/workDoneProgress/cancel":
            self._cancel(self._by_token, params.get("token"))
        else:
            self._server.handle_notification(method, params)

    def _cancel(self, works: dict[Id, Work], key: Any) -> None:
        work = _get(works, key)
        if work is not None:
            work.cancel.set()

    # Commands

    def _execute(self, request: Request) -> None:
        params = request.params
        if not isinstance(params, dict) or not isinstance(params.get("command"), str):
            raise RequestError(INVALID_PARAMS, 'workspace/executeCommand needs {"command": string}')
        name = params["command"]
        handler = self._server.protocol.fm.commands.get(name)
        if handler is None:
            hint = "The capability executeCommandProvider.commands lists the commands."
            raise RequestError(INVALID_PARAMS, f"There is no command {name[:100]!r}", hint=hint)
        argument = _argument(params.get("arguments"), name)
        if request.id in self._pending:
            raise RequestError(INVALID_REQUEST, f"A request with the ID {request.id!r} is still being answered")
        began = time.perf_counter()
        if is_thread_function(handler):  # type: ignore[no-untyped-call]
            self._submit(request, name, handler, argument, params.get("workDoneToken"))
            return
        result = self._call(name, handler, argument)
        if type(result) is RunOnThread:
            self._submit(request, name, result.function, argument, params.get("workDoneToken"))
            return
        self._answer(request.id, result)
        self._server.trace.done(name, request.id, time.perf_counter() - began)

    def _call(self, name: str, function: Callable[[Any], Any], argument: Any) -> Any:
        try:
            return function(argument)
        except RequestError:
            raise
        except Exception as error:  # noqa: BLE001 - every request gets a response
            raise self._server.explain(error, name, argument) from None

    def _submit(self, request: Request, name: str, function: Callable[[Work], Any], argument: Any, token: Any) -> None:
        too_many = len(self._pending) >= MAX_PENDING
        if too_many or (self._pending and self._pending_bytes + request.size > MAX_PENDING_BYTES):
            hint = "Wait for responses before sending more."
            raise RequestError(REQUEST_FAILED, "The server has too many unanswered requests", hint=hint)
        given = token if type(token) in (int, str) else None
        cancel = CancelToken()
        progress = Progress(self._server, given, self._server.new_token(), cancel)
        work = Work(request.id, name, argument, progress, cancel, request.size)
        self._pending[request.id] = work
        self._by_token[progress.token] = work
        self._pending_bytes += request.size
        self._server.trace.received(name, request.id)
        self._pool.submit(self._run, work, function)

    def _run(self, work: Work, function: Callable[[Work], Any]) -> None:
        """On a thread: run the command and send the response."""
        began = time.perf_counter()
        try:
            if work.cancel.is_set():
                raise RequestError(REQUEST_CANCELLED, f"{work.command} was cancelled")
            body = _success(work.id, function(work))
        except RequestError as error:
            body = _failure(work.id, error)
        except BaseException as error:  # noqa: BLE001 - every request gets a response
            body = _failure(work.id, self._server.explain(error, work.command, work.argument))
        work.progress.end()
        # The response waits until the client reads; once cancelled, it does not.
        while self._writer.full and not work.cancel.is_set():
            self._writer.wait_for_room(0.2)
        self._writer.put(encode_frame(body))
        self._pending.pop(work.id, None)
        if self._by_token.get(work.progress.token) is work:
            self._by_token.pop(work.progress.token, None)
        self._server.trace.done(work.command, work.id, time.perf_counter() - began)
        self._loop.call_soon_threadsafe(self._finished, work.size)

    def _finished(self, size: int) -> None:
        self._pending_bytes -= size
        self._check_idle()

    def _check_idle(self) -> None:
        if self._when_idle is not None and not self._pending:
            callback, self._when_idle = self._when_idle, None
            callback()

    # Answers

    def _answer(self, identifier: Id, result: Any) -> None:
        try:
            self._put(encode_frame(_success(identifier, result)))
        except RequestError as error:
            self._refuse(identifier, error)

    def _answer_now(self, identifier: Id, result: Any) -> None:
        self._answer(identifier, result)
        self._flush()

    def _refuse(self, identifier: Id | None, error: RequestError) -> None:
        self._put(encode_frame(_failure(identifier, error)))

    def _put(self, data: bytes) -> None:
        self._out.append(data)
        self._out_size += len(data)
        if self._out_size > _PIECE:
            self._flush()

    def _flush(self) -> None:
        if self._out:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out.clear()
            self._out_size = 0
            self._writer.put(data)


def _get(works: dict[Id, Work], key: Any) -> Work | None:
    # Other types may not be hashable, and 1.0 and True equal 1.
    return works.get(key) if type(key) in (int, str) else None


def _argument(arguments: Any, command: str) -> Any:
    """The argument of a command; None without one."""
    if arguments is None:
        return None
    if not isinstance(arguments, list):
        raise RequestError(INVALID_PARAMS, f"{command}: arguments must be an array")
    if len(arguments) > 1:
        raise RequestError(INVALID_PARAMS, f"{command} takes one argument, not {len(arguments)}")
    return arguments[0] if arguments else None


def encode(message: dict[str, Any]) -> bytes:
    """The body of a message.

    Raises:
        TypeError, ValueError, RecursionError: it cannot be encoded as JSON.
    """
    return _encode(message).encode("ascii")


def _success(identifier: Id, result: Any) -> bytes:
    try:
        return encode({"jsonrpc": "2.0", "id": identifier, "result": result})
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"The result cannot be encoded as JSON ({type(error).__name__})"
        raise RequestError(INTERNAL_ERROR, problem) from None


def _failure(identifier: Id | None, error: RequestError) -> bytes:
    try:
        return encode({"jsonrpc": "2.0", "id": identifier, "error": error.to_dict()})
    except (TypeError, ValueError, RecursionError):
        plain = RequestError(error.code, error.message)
        return encode({"jsonrpc": "2.0", "id": identifier, "error": plain.to_dict()})
