"""How soon dvm-server tells of what happens at a Docker Engine, and what it needs to watch one.

``dvm/workspaceChanged`` is measured from the engine's own event, which is read
here beside the server, ``dvm/runtimeChanged`` from the end of the engine's
process and from its first answer. Run `python benchmarks/server_live.py`; it
ends with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import select
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.server_speed import PEER, Server
from tests.engines.http_over_socket import ask
from tests.engines.registry import RunningEngine, every_kind

MOST_MEMORY = 10.0
EVENT_LIMIT = 0.1
ENGINE_LIMIT = 1.0
PATIENCE = 60.0
SAMPLE = 0.002
"""Seconds between two looks whether the engine answers again."""

CHANGES = {"pause": "paused", "unpause": "resumed", "die": "stopped", "start": "started"}
"""The engine's word for what is done to a container, and the server's."""

Heard = tuple[float, str, Any]


class Told:
    """What a thread hears, with the moment at which it did."""

    def __init__(self, source: Iterator[tuple[str, Any]]) -> None:
        self._heard: queue.Queue[Heard] = queue.Queue()
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def _listen(self, source: Iterator[tuple[str, Any]]) -> None:
        for what, data in source:
            self._heard.put((time.monotonic(), what, data))

    def when(self, what: str, wanted: Callable[[Any], bool] = lambda data: True) -> float:
        """The moment of the next one of this kind; others before it are dropped."""
        until = time.monotonic() + PATIENCE
        while True:
            moment, name, data = self._heard.get(timeout=until - time.monotonic())
            if name == what and wanted(data):
                return moment


def engines_events(path: str) -> Iterator[tuple[str, Any]]:
    """Action and container of each of the engine's own events."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(b"GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with sock.makefile("rb") as stream:
            for line in stream:
                if line.startswith(b"{"):
                    event = json.loads(line)
                    yield event.get("Action", ""), event.get("id", "")


def notifications(server: Server) -> Iterator[tuple[str, Any]]:
    """Method, or ID of the request that is answered, and what came with it."""
    while True:
        try:
            message = server.receive()
        except EOFError:
            return
        yield str(message.get("method", message.get("id"))), message.get("params", message.get("result"))


def changes(path: str, container: str, events: Told, told: Told, rounds: int) -> list[float]:
    """Seconds from the engine's event until the server has told of it, for every change."""
    late = []
    for _ in range(rounds):
        for action, request in (("pause", "pause"), ("unpause", "unpause"), ("die", "kill"), ("start", "start")):
            ask(path, "POST", f"/containers/{container}/{request}")
            happened = events.when(action, lambda one: one == container)
            late.append(told.when("dvm/workspaceChanged", _is(CHANGES[action])) - happened)
    return late


def _is(cause: str) -> Callable[[Any], bool]:
    return lambda params: params["cause"] == cause


def restarts(engine: RunningEngine, path: str, told: Told, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds until the server has told that the engine is gone, and that it is back; every other time it is killed."""
    losses, returns = [], []
    for number in range(rounds):
        gone = Told(_end_of(engine.pid))
        (engine.kill if number % 2 else engine.stop)()
        losses.append(told.when("dvm/runtimeChanged", _has("unavailable")) - gone.when("end"))
        there = Told(_answer_of(path))
        engine.start()
        returns.append(told.when("dvm/runtimeChanged", _has("ready")) - there.when("answer"))
    return losses, returns


def _has(state: str) -> Callable[[Any], bool]:
    return lambda params: params["state"] == state


def _end_of(pid: int) -> Iterator[tuple[str, None]]:
    descriptor = os.pidfd_open(pid)
    select.select([descriptor], [], [], PATIENCE)
    yield "end", None
    os.close(descriptor)


def _answer_of(path: str) -> Iterator[tuple[str, None]]:
    for _ in range(int(PATIENCE / SAMPLE)):
        try:
            ask(path, "GET", "/_ping")
        except OSError:
            time.sleep(SAMPLE)
        else:
            yield "answer", None
            return


def report(name: str, seconds: list[float], limit: float) -> bool:
    """Print one line; whether none was too late."""
    middle, worst = statistics.median(seconds), max(seconds)
    verdict = "ok" if worst <= limit else "MISSED"
    print(f"{verdict:7} median {middle * 1e3:.0f} ms, slowest {worst * 1e3:.0f} ms of {len(seconds)} ", end="")
    print(f"(at most {limit * 1e3:.0f} ms)  {name}", flush=True)
    return worst <= limit


def measure(engine: RunningEngine, rounds: int) -> int:
    path = engine.endpoint.removeprefix("unix://")
    environment = {**engine.environment(), "DVM_RUNTIME": "docker"}
    peer, server = Server(*PEER), Server("-m", "dvm_server", env=environment)
    for one in (peer, server):
        one.initialize()
    start = {"imageName": engine.image, "workspaceName": "live", "appName": "bench", "pull": "never"}
    container = server.command("dvm.workspace.start", start)["id"]
    server.command("dvm.workspace.list")
    memory = server.proportional_memory() - peer.proportional_memory()
    peer.end()
    verdict = "ok" if memory <= MOST_MEMORY else "MISSED"
    print(f"{verdict:7} {memory:.1f} MB (at most {MOST_MEMORY:g})  idle memory above pygls, Docker watched (PSS)")

    told, events = Told(notifications(server)), Told(engines_events(path))
    late = changes(path, container, events, told, -(-rounds // len(CHANGES)))
    kept = report("dvm/workspaceChanged after the engine's event", late, EVENT_LIMIT)
    losses, returns = restarts(engine, path, told, rounds)
    kept &= report("dvm/runtimeChanged after the engine's end", losses, ENGINE_LIMIT)
    kept &= report("dvm/runtimeChanged after the engine's return", returns, ENGINE_LIMIT)
    server.kill()
    return 0 if kept and memory <= MOST_MEMORY else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="changes, and restarts of the engine")
    rounds = parser.parse_args().rounds
    engine = every_kind()["docker"].start()
    try:
        return measure(engine, rounds)
    finally:
        engine.end()


if __name__ == "__main__":
    sys.exit(main())
