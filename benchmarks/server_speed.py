"""dvm-server beside a bare server on stock pygls: start, memory, round trips, throughput. Ratios count, not times.

Run `python benchmarks/server_speed.py`; it ends with 1 if a target is missed.
The two servers are measured in turns, so that a busy machine slows both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STARTS = 20
ROUNDS = 8
TRIPS = 300
PIPELINED = 4000
WINDOW = 64


class Server:
    """A server's process, spoken to in frames.

    Args:
        command: Python's arguments that start it.
        env: its environment; this process's by default.
    """

    def __init__(self, *command: str, env: dict[str, str] | None = None) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, *command], stdin=pipe, stdout=pipe, env=env)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._number = 0

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._to.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def receive(self) -> dict[str, Any]:
        length = 0
        while (line := self._from.readline()) != b"\r\n":
            if not line:
                raise EOFError
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self._from.read(length))
        return message

    def request(self, method: str, params: Any) -> dict[str, Any]:
        self._number += 1
        self.send({"id": self._number, "method": method, "params": params})
        self._to.flush()
        while True:
            answer = self.receive()
            if answer.get("id") == self._number and "method" not in answer:
                return answer

    def command(self, name: str, *arguments: Any) -> Any:
        return self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})["result"]

    def initialize(self) -> None:
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.send({"method": "initialized", "params": {}})

    def pipelined(self, name: str, count: int) -> float:
        """Requests a second with a window of some unanswered ones."""
        params = {"command": name, "arguments": []}
        began = time.perf_counter()
        sent = answered = 0
        while answered < count:
            while sent < count and sent - answered < WINDOW:
                self._number += 1
                self.send({"id": self._number, "method": "workspace/executeCommand", "params": params})
                sent += 1
            self._to.flush()
            answer = self.receive()
            answered += "id" in answer and "method" not in answer
        return count / (time.perf_counter() - began)

    def proportional_memory(self) -> float:
        """Megabytes, shared pages counted in part."""
        text = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024

    def end(self) -> None:
        self.request("shutdown", None)
        self.send({"method": "exit"})
        self._to.flush()
        self._process.wait(10)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


PEER = (str(HERE / "server_peer.py"),)
SUBJECT = (str(HERE / "server_subject.py"),)
REAL = ("-m", "dvm_server", "--runtime", "mock")


def start(command: tuple[str, ...]) -> float:
    """Seconds from the start of the process to the answer of initialize."""
    began = time.perf_counter()
    server = Server(*command)
    server.initialize()
    seconds = time.perf_counter() - began
    server.end()
    return seconds


def trip(server: Server, name: str, *arguments: Any) -> float:
    """The median of some round trips, in seconds."""
    times = []
    for _ in range(TRIPS):
        began = time.perf_counter()
        server.command(name, *arguments)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> int:
    """Measure, print, and tell whether every target is met."""
    starts: dict[tuple[str, ...], list[float]] = {PEER: [], REAL: []}
    for _ in range(STARTS):
        for command, times in starts.items():
            times.append(start(command))
    peer_start, our_start = (statistics.median(starts[command]) for command in (PEER, REAL))

    peer, subject, real = Server(*PEER), Server(*SUBJECT), Server(*REAL)
    for server in (peer, subject, real):
        server.initialize()
    real.command("dvm.workspace.list")
    memory = real.proportional_memory() - peer.proportional_memory()

    subject.command("bench.fill", {"count": 1000})
    while len(subject.command("dvm.workspace.list")) < 1000:
        pass  # the events of the last ones are on their way
    round_trips: dict[str, list[float]] = {"peer": [], "trivial": [], "status": []}
    rates: dict[str, list[float]] = {"peer": [], "subject": []}
    for _ in range(ROUNDS):
        round_trips["peer"].append(trip(peer, "bench.nothing"))
        round_trips["trivial"].append(trip(subject, "bench.nothing"))
        round_trips["status"].append(trip(subject, "dvm.workspace.status", {"workspace": "w0500"}))
        rates["peer"].append(peer.pipelined("bench.nothing", PIPELINED))
        rates["subject"].append(subject.pipelined("bench.nothing", PIPELINED))
    listing = []
    for _ in range(20):
        began = time.perf_counter()
        subject.command("dvm.workspace.list")
        listing.append(time.perf_counter() - began)
    for server in (peer, subject, real):
        server.end()

    trips = {name: statistics.median(times) for name, times in round_trips.items()}
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*list(round_trips.values())[1::-1], strict=True))
    rate = statistics.median(ours / theirs for ours, theirs in zip(rates["subject"], rates["peer"], strict=True))
    results = [
        (
            f"start to initialize: {our_start * 1e3:.0f} ms, pygls {peer_start * 1e3:.0f} ms",
            our_start / peer_start,
            1.1,
        ),
        ("idle memory above pygls, MB (PSS)", memory, 10.0),
        (f"round trip: {trips['trivial'] * 1e6:.0f} µs, pygls {trips['peer'] * 1e6:.0f} µs", ratio, 0.7),
        ("status above the trivial command, ms", (trips["status"] - trips["trivial"]) * 1e3, 0.2),
        ("1,000 workspaces listed, ms", statistics.median(listing) * 1e3, 30.0),
        (f"pipelined: pygls' time over ours, {statistics.median(rates['subject']):.0f} requests/s", 1 / rate, 0.5),
    ]
    missed = 0
    for name, value, target in results:
        verdict = "ok" if value <= target else "MISSED"
        missed += verdict != "ok"
        print(f"{verdict:7} {value:8.3f} (at most {target:g})  {name}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
