"""An editor, as far as `dvm-server` can tell: it starts the server, sends requests and hears what comes by itself."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LIMIT = 180.0
"""Seconds for one answer. Nothing here takes long; a machine may be slow."""

ENDS = 10.0

Message = dict[str, Any]


class EditorError(Exception):
    """The server answered with an error, or not at all."""


class Editor:
    """A client over standard input and output, with the standard library alone.

    Args:
        folder: the project that is open.
        environment: of the server.
        on_progress: is told of each step of long work.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], on_progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._on_progress = on_progress
        self._number = 0
        self._heard: queue.Queue[Message | None] = queue.Queue()
        self._aside: list[Message] = []
        self._server = subprocess.Popen(
            [sys.executable, "-m", "dvm_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment)
        )
        threading.Thread(target=self._hear, daemon=True).start()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._server.pid

    def initialize(self) -> Message:
        """The handshake that every editor begins with; what the server says of itself."""
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
            EditorError: it could not be done; the message ends with what to do.
        """
        params = {"command": name, "arguments": [] if argument is None else [argument]}
        return self.request("workspace/executeCommand", params)

    def request(self, method: str, params: Any = None) -> Any:
        """Send a request and wait for its answer; notifications that come meanwhile are kept for `hear`."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        answer = self._wait_for(lambda message: message.get("id") == self._number and "method" not in message, [])
        if "error" in answer:
            error = answer["error"]
            hint = (error.get("data") or {}).get("hint", "")
            raise EditorError(f"{error['message']} {hint}".strip())
        return answer.get("result")

    def hear(self, method: str, which: Callable[[Message], bool]) -> Message:
        """The first notification of that method for which ``which`` holds, of those kept and those to come."""
        kept, self._aside = self._aside, []
        found = self._wait_for(lambda message: message.get("method") == method and which(message["params"]), kept)
        params: Message = found["params"]
        return params

    def forget(self) -> None:
        """Let go of the notifications that nobody has asked for so far."""
        self._aside.clear()

    def close(self) -> int:
        """Take leave as an editor does; the server's exit code."""
        self.request("shutdown")
        self._send({"method": "exit"})
        return self._server.wait(ENDS)

    def end(self) -> None:
        """End the server, however things stand."""
        if self._server.poll() is None:
            self._server.kill()
            self._server.wait()

    def _wait_for(self, which: Callable[[Message], bool], kept: list[Message]) -> Message:
        while True:
            try:
                message = kept.pop(0) if kept else self._heard.get(timeout=LIMIT)
            except queue.Empty:
                raise EditorError(f"dvm-server did not answer within {LIMIT:g} s") from None
            if message is None:
                raise EditorError(f"dvm-server ended with code {self._server.wait(ENDS)}")
            if which(message):
                self._aside.extend(kept)
                return message
            self._take(message)

    def _take(self, message: Message) -> None:
        """What was not waited for: answered if it is a request, told if it is progress, else kept."""
        if "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        elif message.get("method") == "$/progress":
            step = message["params"]["value"]
            if text := step.get("message") or step.get("title"):
                self._on_progress(text)
        else:
            self._aside.append(message)

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        try:
            self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self._server.stdin.flush()
        except BrokenPipeError:
            raise EditorError("dvm-server has ended") from None

    def _hear(self) -> None:
        """In a thread of its own, until the server's output ends."""
        assert self._server.stdout is not None
        with self._server.stdout as stream:
            while length := _read_length(iter(stream.readline, b"")):
                self._heard.put(json.loads(stream.read(length)))
        self._heard.put(None)


def _read_length(lines: Any) -> int:
    """The length that a frame's header tells; 0 at the end of the stream."""
    length = 0
    for line in lines:
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
        if line == b"\r\n":
            return length
    return 0
