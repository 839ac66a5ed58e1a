"""A client that sends whatever it is told, byte for byte, and waits for what it is told, never for ever."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds: the end of every wait. Far more than anything takes, for slow and busy machines."""

HERE = Path(__file__).parent
DVM_SERVER = ("-m", "dvm_server")
COMMANDS_ONLY = (str(HERE / "plain_server.py"),)
"""The base layer alone, with commands for its tests."""
ON_MOCK = (str(HERE / "mock_server.py"),)
"""dvm-server on a mock engine that tests can do things to."""

Message = dict[str, Any]


class RequestFailed(Exception):
    """An error answer; ``code``, ``message`` and ``data`` as they were sent."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: Message = error["data"]


def framed(message: Any) -> bytes:
    """A message as it is sent."""
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class WireClient:
    """The client of one server process.

    Args:
        command: Python's arguments that start the server.
        env: its environment; this process's by default.
        cwd: its folder; this process's by default.
    """

    def __init__(self, *command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._to, self._from, self._errors = self.process.stdin, self.process.stdout, self.process.stderr
        self._numbers = iter(range(1, sys.maxsize))
        self._received: queue.Queue[Message | None] = queue.Queue()
        self._reading = threading.Event()
        self._reading.set()
        self.stderr = b""
        self.kept: list[Message] = []
        """Notifications and requests of the server that nobody has waited for yet."""
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        while True:
            length = None
            while (line := self._from.readline()) not in (b"\r\n", b""):
                self._reading.wait()
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = self._from.read(length) if length is not None else b""
            if length is None or len(body) < length:
                self._received.put(None)
                return
            self._received.put(json.loads(body))

    def _read_errors(self) -> None:
        while data := os.read(self._errors.fileno(), 65536):
            self.stderr += data

    # Sending

    def send_bytes(self, data: bytes) -> None:
        self._to.write(data)
        self._to.flush()

    def send(self, message: Any) -> None:
        self.send_bytes(framed(message))

    def notify(self, method: str, params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method: str, params: Any, **members: Any) -> int:
        """Send a request and return its ID."""
        number = next(self._numbers)
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params, **members})
        return number

    def begin_command(self, command: str, *arguments: Any, **params: Any) -> int:
        return self.begin("workspace/executeCommand", {"command": command, "arguments": list(arguments), **params})

    # Receiving

    def receive(self) -> Message:
        """The next message."""
        message = self._received.get(timeout=PATIENCE)
        if message is None:
            raise EOFError(f"the server has ended; it said: {self.stderr.decode(errors='replace')}")
        return message

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The first message for which ``wanted`` holds, kept ones first; others are kept."""
        for index, message in enumerate(self.kept):
            if wanted(message):
                return self.kept.pop(index)
        while True:
            message = self.receive()
            if wanted(message):
                return message
            self.kept.append(message)

    def notification(self, method: str, wanted: Callable[[Any], bool] = lambda params: True) -> Any:
        """The parameters of the next notification, or request of the server, of that method."""
        return self.until(lambda message: message.get("method") == method and wanted(message.get("params")))["params"]

    def answer(self, identifier: Any) -> Any:
        """The result of a request.

        Raises:
            RequestFailed: it got an error.
        """
        message = self.until(lambda message: "method" not in message and message.get("id") == identifier)
        if "error" in message:
            raise RequestFailed(message["error"])
        return message["result"]

    def outcome(self, identifier: Any) -> RequestFailed | None:
        """The error of a request; None when it has a result."""
        try:
            self.answer(identifier)
        except RequestFailed as error:
            return error
        return None

    def error(self, identifier: Any) -> RequestFailed:
        """The error of a request, which must have one."""
        error = self.outcome(identifier)
        assert error is not None, "it was answered with a result"
        return error

    def request(self, method: str, params: Any) -> Any:
        return self.answer(self.begin(method, params))

    def command(self, command: str, *arguments: Any) -> Any:
        """The result of a command."""
        return self.answer(self.begin_command(command, *arguments))

    def failure(self, command: str, *arguments: Any) -> RequestFailed:
        """The error of a command."""
        return self.error(self.begin_command(command, *arguments))

    # Life

    def initialize(self, **params: Any) -> Any:
        result = self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}, **params})
        self.notify("initialized", {})
        return result

    def stop_reading(self) -> None:
        """Read nothing any more until `go_on_reading`, so that the pipe fills."""
        self._reading.clear()

    def go_on_reading(self) -> None:
        self._reading.set()

    def close_input(self) -> None:
        self._to.close()

    def end(self) -> int:
        """Shut the server down as the specification has it; its exit code."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of the process; its exit code."""
        code = self.process.wait(PATIENCE)
        self._reading.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        return code

    def leave(self) -> None:
        """Go as an editor does that just ends; a server that stays all the same is killed."""
        self._reading.set()
        with contextlib.suppress(OSError, ValueError):  # closed or broken already
            self._to.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.kill()

    def kill(self) -> None:
        """End it in any case, and close everything."""
        self.process.kill()
        self.wait()
        for stream in (self._to, self._from, self._errors):
            with contextlib.suppress(OSError):  # what was not flushed has nobody to go to
                stream.close()


@contextlib.contextmanager
def serving(
    *command: str, initialize: bool = True, env: dict[str, str] | None = None, **params: Any
) -> Iterator[WireClient]:
    """A server's client within the block, initialised unless told otherwise; the process never outlives the block."""
    client = WireClient(*command, env=env)
    try:
        if initialize:
            client.initialize(**params)
        yield client
    finally:
        client.leave()
