"""An editor, as `dvm-server` sees one: a client that sends requests and receives notifications."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .errors import DemoError

ANSWER_LIMIT = 180.0
"""Seconds without any message while a request is open. A build that pulls its base image reports progress meanwhile."""

NOTIFICATION_LIMIT = 30.0
"""Seconds for a notification whose cause has already happened."""

EXIT_LIMIT = 10.0
"""Seconds for the server's process to end after it was asked to."""

Message = dict[str, Any]


class Editor:
    """A client over standard input and output that uses the standard library only.

    Args:
        folder: the project that is open.
        environment: the server's environment.
        on_progress: called with the text of each step of long work.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], on_progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._on_progress = on_progress
        self._last_id = 0
        self._incoming: queue.Queue[Message | DemoError] = queue.Queue()
        self._notifications: list[Message] = []
        self._server = subprocess.Popen(
            [sys.executable, "-m", "dvm_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment)
        )
        threading.Thread(target=self._read_messages, daemon=True).start()

    @property
    def pid(self) -> int:
        """The server's process ID."""
        return self._server.pid

    def initialize(self) -> Message:
        """Do the handshake that every editor begins with; the server's answer."""
        uri = self._folder.as_uri()
        answer: Message = self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": uri,
                "workspaceFolders": [{"uri": uri, "name": self._folder.name}],
                "capabilities": {"window": {"workDoneProgress": True}},
            },
        )
        self._send({"method": "initialized", "params": {}})
        return answer

    def command(self, name: str, argument: Message | None = None) -> Any:
        """Run one of the server's commands.

        Raises:
            DemoError: the command failed; the message ends with the server's hint.
        """
        params = {"command": name, "arguments": [] if argument is None else [argument]}
        return self.request("workspace/executeCommand", params, what=name)

    def request(self, method: str, params: Any = None, *, what: str = "") -> Any:
        """Send a request and wait for its answer; keep the notifications that arrive meanwhile.

        Raises:
            DemoError: the answer is an error, the server ended, or nothing came for `ANSWER_LIMIT` seconds.
        """
        self._last_id += 1
        self._send({"id": self._last_id, "method": method, "params": params})
        while True:
            try:
                message = self._receive(ANSWER_LIMIT)
            except queue.Empty:
                raise DemoError(f"dvm-server did not answer {what or method} within {ANSWER_LIMIT:g} s") from None
            if message.get("id") == self._last_id and "method" not in message:
                break
            self._handle(message)
        if "error" in message:
            error = message["error"]
            hint = (error.get("data") or {}).get("hint", "")
            raise DemoError(f"{what or method}: {error['message']} {hint}".strip())
        return message.get("result")

    def notification(self, method: str, matches: Callable[[Message], bool]) -> Message | None:
        """The parameters of the first notification of that method that matches, of those kept and those to come.

        Returns:
            None if none came for `NOTIFICATION_LIMIT` seconds.
        """
        while True:
            while self._notifications:
                message = self._notifications.pop(0)
                if message["method"] == method and matches(message["params"]):
                    params: Message = message["params"]
                    return params
            try:
                self._handle(self._receive(NOTIFICATION_LIMIT))
            except queue.Empty:
                return None

    def drop_notifications(self) -> None:
        """Drop the notifications that nobody has asked for so far."""
        self._notifications.clear()

    def close(self) -> int:
        """Shut the server down as an editor does; its exit code."""
        self.request("shutdown")
        self._send({"method": "exit"})
        try:
            return self._server.wait(EXIT_LIMIT)
        except subprocess.TimeoutExpired:
            raise DemoError(f"dvm-server did not end within {EXIT_LIMIT:g} s after exit") from None

    def kill(self) -> None:
        """Kill the server if it still runs, and close the pipe to it."""
        self._server.kill()
        self._server.wait()
        assert self._server.stdin is not None
        with suppress(BrokenPipeError):
            self._server.stdin.close()

    def _receive(self, limit: float) -> Message:
        message = self._incoming.get(timeout=limit)
        if isinstance(message, DemoError):
            self._incoming.put(message)  # so do all later calls
            raise message
        return message

    def _handle(self, message: Message) -> None:
        """Answer a request of the server, report progress, and keep any other notification."""
        if "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        elif message.get("method") == "$/progress":
            value = message["params"]["value"]
            if text := value.get("message") or value.get("title"):
                self._on_progress(text)
        elif "method" in message:
            self._notifications.append(message)

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        try:
            self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self._server.stdin.flush()
        except BrokenPipeError:
            raise DemoError(self._end_of_server()) from None

    def _read_messages(self) -> None:
        """Runs in a thread of its own until the server's output ends; the last thing queued is the reason."""
        assert self._server.stdout is not None
        reason = ""
        with self._server.stdout as stream:
            try:
                while length := _read_length(stream):
                    self._incoming.put(json.loads(stream.read(length)))
            except ValueError as error:
                reason = f"dvm-server wrote what is no message: {error}"
        self._incoming.put(DemoError(reason or self._end_of_server()))

    def _end_of_server(self) -> str:
        try:
            return f"dvm-server ended with code {self._server.wait(EXIT_LIMIT)}"
        except subprocess.TimeoutExpired:
            return "dvm-server closed its output and still runs"


def _read_length(stream: IO[bytes]) -> int:
    """The length that a frame's header declares; 0 at the end of the stream."""
    length = 0
    for line in iter(stream.readline, b""):
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
        if line == b"\r\n":
            return length
    return 0
