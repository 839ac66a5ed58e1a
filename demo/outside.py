"""Somebody else at the engine, who knows nothing of DVM."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys

from .engines import Chosen

LIMIT = 30.0


def kill(engine: Chosen, container: str) -> str:
    """End a container behind the editor's back; a sentence on who did it."""
    scheme, _, path = engine.endpoint.partition("://")
    if scheme == "unix" and path.endswith(("docker.sock", "podman.sock")):
        kill_over(path, container)
        return f"(A plain HTTP client, at the engine's own socket: POST /containers/{container}/kill)"
    argv = [sys.executable, "-m", "dvm_runtimes.cli", "stop", "--runtime", engine.which, "--grace", "0", container]
    subprocess.run(argv, env=dict(engine.environment), check=True, capture_output=True, timeout=LIMIT)
    return f"(In another terminal: dvm stop --grace 0 {container})"


def kill_over(path: str, container: str) -> None:
    """SIGKILL through the engine's Docker-compatible API."""
    connection = http.client.HTTPConnection("localhost", timeout=LIMIT)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(LIMIT)
    try:
        connection.sock.connect(path)
        connection.request("POST", f"/containers/{container}/kill?signal=KILL")
        answer = connection.getresponse()
        words = answer.read().decode(errors="replace")
        if answer.status >= 300:
            raise SystemExit(f"demo: the engine would not kill {container}: {answer.status} {words}")
    finally:
        connection.close()
