"""Kills a client with SIGKILL in the middle of a build, many times: the server and its build must be gone within 1 s.

`python benchmarks/server_kills.py --rounds 1000` uses the mock; with `--docker`
a real Docker Engine, started for this, where the build's container counts too.
It ends with 1 if anything was left once.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 1.0
MARK = "98765"


def frame(message: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def client(folder: Path, runtime: str, env: dict[str, str], tell: int) -> None:
    """Start a server, let it build, tell its number once the build is in its long step, and wait to be killed."""
    command = [sys.executable, "-m", "dvm_server", "--runtime", runtime]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, bufsize=0)
    assert server.stdin is not None
    assert server.stdout is not None
    given = {"imageName": "lab/slow", "appPath": str(folder), "noCache": True}
    params = {"command": "dvm.image.build", "arguments": [given], "workDoneToken": "build"}
    initialize = {"processId": os.getpid(), "capabilities": {}}
    server.stdin.write(frame({"id": 1, "method": "initialize", "params": initialize}))
    server.stdin.write(frame({"id": 2, "method": "workspace/executeCommand", "params": params}))
    said = b""
    while MARK.encode() not in said:
        said += os.read(server.stdout.fileno(), 65536)
    os.write(tell, b"%d\n" % server.pid)
    signal.pause()


def processes_of_the_build() -> list[int]:
    """Processes of the long step outside of the server, as a real engine has them."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
        except OSError:
            continue  # ended meanwhile
        if b"sleep" in words[0:1] + words[1:2] and MARK.encode() in words:
            found.append(int(entry.name))
    return found


def one_round(folder: Path, runtime: str, env: dict[str, str], outside: Callable[[], list[int]]) -> float:
    """Seconds from the kill until everything was gone; infinite if that took longer than the limit."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client(folder, runtime, env, tell)
        finally:
            os._exit(1)
    os.close(tell)
    with os.fdopen(hear) as stream:
        server = int(stream.readline())
    watch = os.pidfd_open(server)
    if runtime != "mock":
        while not outside():
            pass  # the engine has said that the step begins; its process comes a moment later
    began = time.monotonic()
    os.kill(child, signal.SIGKILL)
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    gone = bool(poll.poll(LIMIT * 1000))
    while gone and outside() and time.monotonic() - began < LIMIT:
        pass
    seconds = time.monotonic() - began
    os.waitpid(child, 0)
    os.close(watch)
    if not gone or outside():
        print(f"left: server {server} {'gone' if gone else 'alive'}, build {outside()}", flush=True)
        if not gone:
            os.kill(server, signal.SIGKILL)
        return float("inf")
    return seconds


def run(rounds: int, runtime: str, image: str, env: dict[str, str]) -> int:
    outside: Callable[[], list[int]] = processes_of_the_build if runtime != "mock" else list
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Dockerfile").write_text(f'FROM {image}\nRUN ["sleep", "{MARK}"]\n', encoding="utf-8")
        times = []
        for number in range(1, rounds + 1):
            times.append(one_round(folder, runtime, env, outside))
            if number % 100 == 0:
                print(f"{number} of {rounds}", flush=True)
    good = [seconds for seconds in times if seconds <= LIMIT]
    middle = statistics.median(good) if good else float("nan")
    worst = max(good, default=float("nan"))
    print(
        f"{len(good)} of {rounds} gone within {LIMIT:g} s; median {middle * 1e3:.0f} ms, slowest {worst * 1e3:.0f} ms"
    )
    return 0 if len(good) == rounds else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--docker", action="store_true", help="on a real Docker Engine")
    options = parser.parse_args()
    if not options.docker:
        return run(options.rounds, "mock", "mock:latest", dict(os.environ))
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.engines.registry import every_kind

    engine = every_kind()["docker"].start()
    try:
        return run(options.rounds, "docker", engine.image, engine.environment())
    finally:
        engine.end()


if __name__ == "__main__":
    sys.exit(main())
