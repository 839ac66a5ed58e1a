"""128 MiB of stdout and stderr at once through ``exec_in_workspace``, beside the bytes of the bare API stream.

The bare stream is read into nothing: nobody can be faster on that engine. The
target is 1.3 times its time, with the two streams told apart and kept. The
Docker SDK's own way is shown with an eighth of it, since its time grows with
the square. Listing fifty workspaces is shown beside the bare request, too.
"""

from __future__ import annotations

import json
import secrets
import socket
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.engines.http_over_socket import ask
from tests.engines.registry import every_kind

from dvm_runtimes.engines.docker_api import Endpoint, connect
from dvm_runtimes.engines.http.connection import Connection
from dvm_runtimes.engines.http.upgrade import take_over
from dvm_runtimes.options import StartOptions

MIB = 1024 * 1024
SIZE = 128 * MIB
ROUNDS = 5
TARGET = 1.3
MANY = 50


def command(size: int) -> list[str]:
    """Half of it on each stream, both at once."""
    return ["sh", "-c", f"head -c {size // 2} /dev/zero & head -c {size // 2} /dev/zero >&2; wait"]


def bare(path: str, container: str) -> None:
    """The same through the API alone: every byte is received, none is looked at."""
    body = {"Cmd": command(SIZE), "AttachStdout": True, "AttachStderr": True}
    made = ask(path, "POST", f"/containers/{container}/exec", body)["Id"]
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        headers = {"Host": "localhost", "Upgrade": "tcp", "Content-Type": "application/json"}
        received = len(take_over(Connection(sock), f"/v1.41/exec/{made}/start", headers, b'{"Detach": false}').early)
        buffer = bytearray(MIB)
        while count := sock.recv_into(buffer):
            received += count
    assert received > SIZE
    assert ask(path, "GET", f"/exec/{made}/json")["ExitCode"] == 0


def sdk(path: str, container: str, size: int) -> None:
    """As the Docker SDK does it."""
    import docker

    client = docker.DockerClient(base_url=f"unix://{path}")
    try:
        found: Any = client.containers.get(container).exec_run(command(size), demux=True)
        assert sum(map(len, found.output)) == size
    finally:
        client.close()


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> int:
    kind = every_kind()["docker"]
    if reason := kind.why_not():
        print(f"  not measured: {reason}")
        return 0
    engine = kind.start()
    try:
        return measure(engine.endpoint, engine.image)
    finally:
        engine.end()


def measure(endpoint: str, image: str) -> int:
    path = endpoint.removeprefix("unix://")
    with connect(Endpoint.parse(endpoint)) as runtime:
        workspace = runtime.start_workspace(StartOptions(image_name=image, workspace_name="stream"))

        def ours() -> None:
            result = runtime.exec_in_workspace(workspace, command(SIZE))
            assert (len(result.stdout), len(result.stderr)) == (SIZE // 2, SIZE // 2)

        pairs = [(seconds(lambda: bare(path, workspace)), seconds(ours)) for _ in range(ROUNDS)]
        raw, own = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(own / raw for raw, own in pairs)
        print(f"  bare stream of 128 MiB   {raw:7.3f} s")
        print(f"  exec_in_workspace        {own:7.3f} s   {ratio:.2f} times, target {TARGET}")
        print(f"  Docker SDK, 16 MiB       {seconds(lambda: sdk(path, workspace, SIZE // 8)):7.3f} s")

        mark = secrets.token_hex(4)
        labels = {"io.devopsmaestro.managed": "true", "many": mark}
        wanted = {"Image": image, "Cmd": ["true"], "Labels": labels}
        for number in range(MANY):
            ask(path, "POST", "/containers/create", wanted, name=f"many-{mark}-{number}")
        filters = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        asked = statistics.median(
            seconds(lambda: ask(path, "GET", "/containers/json", all="true", filters=filters)) for _ in range(20)
        )
        listed = statistics.median(seconds(lambda: runtime.list_workspaces({"many": mark})) for _ in range(20))
        print(f"  bare request for {MANY}      {1000 * asked:7.1f} ms")
        print(f"  list_workspaces of {MANY}    {1000 * listed:7.1f} ms")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
