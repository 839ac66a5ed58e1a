"""Kills a client with SIGKILL in the middle of a build, many times: the server and its build must be gone within 1 s.

`python benchmarks/server_kills.py --rounds 1000` uses the mock; with `--docker`
a real Docker Engine, started for this, where the build's process counts too and
no container may be left. It ends with 1 if anything was left once.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

LIMIT = 1.0
MARK = 98765
"""What a build sleeps, in seconds, so that it is found among all processes; each lane has one of its own."""

VARIABLE = "DVM_BENCHMARK_LANE"
"""In the environment of a lane's server and of all that it starts."""

SAMPLE = 0.005
"""Seconds between two looks at all processes: looking takes about as long, and the server needs the processor too."""


def frame(message: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def client(folder: Path, runtime: str, env: dict[str, str], mark: int, tell: int) -> None:
    """Start a server, let it build, tell its number once the build is in its long step, and wait to be killed."""
    command = [sys.executable, "-m", "dvm_server", "--runtime", runtime]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, bufsize=0)
    assert server.stdin is not None
    assert server.stdout is not None
    given = {"imageName": f"lab/slow{mark}", "appPath": str(folder), "noCache": True}
    params = {"command": "dvm.image.build", "arguments": [given], "workDoneToken": "build"}
    initialize = {"processId": os.getpid(), "capabilities": {}}
    server.stdin.write(frame({"id": 1, "method": "initialize", "params": initialize}))
    server.stdin.write(frame({"id": 2, "method": "workspace/executeCommand", "params": params}))
    said = b""
    while str(mark).encode() not in said.partition(b"sleep")[2]:
        more = os.read(server.stdout.fileno(), 65536)
        if not more:
            raise EOFError
        said += more
    os.write(tell, b"%d\n" % server.pid)
    signal.pause()


def processes() -> Iterator[Path]:
    """The folder in /proc of every process but this one."""
    return (one for one in Path("/proc").iterdir() if one.name.isdecimal() and one.name != str(os.getpid()))


def started(mark: int) -> list[int]:
    """The processes of a lane: its server's, and the build's long step, which a real engine runs."""
    found = []
    inherited = f"{VARIABLE}={mark}".encode()
    for process in processes():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        builds = b"sleep" in words[:2] and str(mark).encode() in words
        if builds or inherited in environment:
            found.append(int(process.name))
    return found


def one_round(folder: Path, runtime: str, env: dict[str, str], mark: int) -> float:
    """Seconds from the kill until everything was gone; infinite if that took longer than the limit."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(hear)
            client(folder, runtime, env, mark, tell)
        finally:
            os._exit(1)
    os.close(tell)
    with os.fdopen(hear) as stream:
        server = int(stream.readline())
    watch = os.pidfd_open(server)
    if runtime != "mock":
        while started(mark) == [server]:
            time.sleep(SAMPLE)  # the engine has said that the step begins; its process comes a moment later
    began = time.monotonic()
    os.kill(child, signal.SIGKILL)
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    gone = bool(poll.poll(LIMIT * 1000))
    ended = time.monotonic()
    while (left := started(mark)) and ended - began < LIMIT:
        time.sleep(SAMPLE)
        ended = time.monotonic()
    os.waitpid(child, 0)
    os.close(watch)
    if gone and not left:
        return ended - began
    print(f"left: server {server} {'gone' if gone else 'alive'}, in all {left}", flush=True)
    for one in left:
        os.kill(one, signal.SIGKILL)
    return float("inf")


def lane(rounds: int, runtime: str, image: str, env: dict[str, str], mark: int) -> Iterator[float]:
    """The result of each of so many rounds, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Dockerfile").write_text(f'FROM {image}\nRUN ["sleep", "{mark}"]\n', encoding="utf-8")
        for _ in range(rounds):
            yield one_round(folder, runtime, {**env, VARIABLE: str(mark)}, mark)


def begin(results: Callable[[], Iterator[float]]) -> int:
    """Run a lane in a process of its own; the descriptor at which its results come, one a line."""
    hear, tell = os.pipe()
    if os.fork() == 0:
        try:
            os.close(hear)
            for seconds in results():
                os.write(tell, b"%.6f\n" % seconds)
        finally:
            os._exit(0)
    os.close(tell)
    return hear


def run(rounds: int, lanes: int, runtime: str, image: str, env: dict[str, str]) -> int:
    """Run all rounds, print the figures, and tell how many rounds have left something or did not come to their end."""
    times: list[float] = []
    poll = select.poll()
    for number in range(lanes):
        share = rounds // lanes + (number < rounds % lanes)
        poll.register(begin(functools.partial(lane, share, runtime, image, env, MARK + number)), select.POLLIN)
    open_lanes = lanes
    while open_lanes:
        for descriptor, _ in poll.poll():
            if lines := os.read(descriptor, 4096):
                before = len(times)
                times += map(float, lines.split())
                if before // 100 != len(times) // 100:
                    print(f"{len(times)} of {rounds}", flush=True)
            else:
                poll.unregister(descriptor)
                os.close(descriptor)
                os.wait()
                open_lanes -= 1
    good = [seconds for seconds in times if seconds <= LIMIT]
    middle = statistics.median(good) if good else float("nan")
    worst = max(good, default=float("nan"))
    print(
        f"{len(good)} of {rounds} gone within {LIMIT:g} s; median {middle * 1e3:.0f} ms, slowest {worst * 1e3:.0f} ms"
    )
    return rounds - len(good)


def containers(socket: str) -> list[Any]:
    """What the builds have left on the engine, which may be a moment behind."""
    from tests.engines.http_over_socket import ask

    until = time.monotonic() + 10
    while (found := ask(socket, "GET", "/containers/json", all="1")) and time.monotonic() < until:
        time.sleep(SAMPLE)
    return list(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=2, help="rounds at the same time  [default: 2]")
    parser.add_argument("--docker", action="store_true", help="on a real Docker Engine")
    options = parser.parse_args()
    if not options.docker:
        return 1 if run(options.rounds, options.lanes, "mock", "mock:latest", dict(os.environ)) else 0
    from tests.engines.registry import every_kind

    engine = every_kind()["docker"].start()
    try:
        failed = run(options.rounds, options.lanes, "docker", engine.image, engine.environment())
        left = containers(engine.endpoint.removeprefix("unix://"))
        print(f"{len(left)} containers left on the engine")
        return 1 if failed or left else 0
    finally:
        engine.end()


if __name__ == "__main__":
    sys.exit(main())
