"""Somebody else at the engine, who does not use the editor's server."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from . import terminal
from .engines import Selection
from .errors import DemoError

LIMIT = 30.0
"""Seconds for the engine to do it."""


def kill(engine: Selection, container: str) -> str:
    """End a container without the server's knowledge; a sentence that says how.

    Raises:
        DemoError: it was not ended.
    """
    scheme, _, path = engine.endpoint.partition("://")
    if scheme == "unix" and path.endswith(("docker.sock", "podman.sock")):
        kill_by_api(path, container)
        return f"(A plain HTTP client, at the engine's own socket: POST /containers/{container}/kill)"
    argv = [sys.executable, "-m", "dvm_runtimes.cli", "stop", "--runtime", engine.which, "--grace", "0", container]
    try:
        done = subprocess.run(
            argv, env=dict(engine.environment), check=False, capture_output=True, text=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        raise DemoError(f"`dvm stop` did not stop {container} within {LIMIT:g} s") from None
    if done.returncode:
        raise DemoError(f"`dvm stop` did not stop {container}: {done.stderr.strip()}")
    return f"(In another terminal: dvm stop --grace 0 {container})"


def kill_by_api(path: str, container: str) -> None:
    """Send SIGKILL through the engine's Docker-compatible API.

    Raises:
        DemoError: the engine refused, or did not answer within `LIMIT` seconds.
    """
    connection = http.client.HTTPConnection("localhost", timeout=LIMIT)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(LIMIT)
    try:
        connection.sock.connect(path)
        connection.request("POST", f"/containers/{container}/kill?signal=KILL")
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise DemoError(f"the engine at {path} could not be asked to kill {container}: {error}") from None
    finally:
        connection.close()
    if answer.status >= 300:
        raise DemoError(f"the engine did not kill {container}: {answer.status} {body}")


def kill_in_terminal(program: Mapping[str, Any], engine: Selection) -> str:
    """End a container from a second terminal inside it, by its first process; a sentence that says how.

    Raises:
        DemoError: the first process could not be signalled.
    """
    screen, code = terminal.session(program, engine.environment, ["kill 1; exit"])
    if code not in (0, 128 + 9):  # the shell's own end, or the container's before that
        raise DemoError(f"`kill 1` in another terminal ended with code {code}: {screen.splitlines()[-1]}")
    return "(In another terminal, inside the workspace: kill 1)"
