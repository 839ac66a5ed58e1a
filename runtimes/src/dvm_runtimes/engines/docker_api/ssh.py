"""Connections to an engine on another machine through the system's own ssh and ``docker system dial-stdio``.

ssh knows the user's keys, agent, configuration and jump hosts; nothing of
that is done again here.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import tempfile
from typing import IO

from dvm_runtimes.engines.http.connection import Connection
from dvm_runtimes.engines.http.endpoint import Endpoint

from .error_mapping import SshError

_ENDS = 2.0
"""Seconds that ssh gets to end once its connection is closed."""

_CUT_ENDS = 0.2
"""The same for a connection that was cut: whoever cut it has no time left."""

_LONGEST_MESSAGE = 4096


def ssh_command(endpoint: Endpoint) -> list[str]:
    """The argv that connects standard input and output to the engine's socket on the other machine.

    ``docker system dial-stdio`` does it, and Podman's command of the same name.
    """
    where = ["-p", str(endpoint.port)] if endpoint.port else []
    if endpoint.user:
        where += ["-l", endpoint.user]
    docker, podman = "docker", "podman"
    if endpoint.path:
        url = shlex.quote(f"unix://{endpoint.path}")
        docker, podman = f"docker -H {url}", f"podman --url {url}"
    remote = (
        f"if command -v docker >/dev/null 2>&1; then exec {docker} system dial-stdio; "
        f"else exec {podman} system dial-stdio; fi"
    )
    # BatchMode: nobody is there to type a password. -T: no terminal would keep the bytes as they are.
    fixed = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15"]
    return ["ssh", *endpoint.ssh_options, *fixed, *where, "--", endpoint.host, f"sh -c {shlex.quote(remote)}"]


def dial_ssh(endpoint: Endpoint) -> Connection:
    """Start ssh and give its two pipes as one socket; whether it gets through shows when it is read.

    Raises:
        SshError: there is no ssh on this machine.
    """
    ours, theirs = socket.socketpair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 -- a pipe that nobody reads could block ssh
    try:
        process = subprocess.Popen(
            ssh_command(endpoint),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for this program, which then ends ssh
        )
    except OSError as error:
        ours.close()
        errors.close()
        raise SshError(f"ssh cannot be started ({error.strerror})") from error
    finally:
        theirs.close()
    return _SshConnection(ours, process, errors)


class _SshConnection(Connection):
    """A socket whose other end is ssh."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        super().__init__(sock)
        self._process = process
        self._errors = errors
        self._cut = False
        self._reason: SshError | None = None

    def cut(self) -> None:
        self._cut = True
        super().cut()
        self._signal(signal.SIGTERM)

    def close(self) -> None:
        if self._errors.closed:
            return
        self.explain()
        super().close()
        self._signal(signal.SIGTERM)
        self._end()
        self._errors.close()

    def explain(self) -> BaseException | None:
        """ssh's own error message, if it ended by itself."""
        if self._reason is None and not self._cut and not self._errors.closed and self._hung_up():
            self._end()
            self._errors.seek(0)
            lines = self._errors.read(_LONGEST_MESSAGE).decode(errors="replace").split("\n")
            messages = [line.strip() for line in lines if line.strip()]
            code = self._process.returncode
            if code:
                self._reason = SshError(messages[-1] if messages else f"it ended with exit code {code}")
        return self._reason

    def _hung_up(self) -> bool:
        if self._process.poll() is not None:
            return True
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _signal(self, number: signal.Signals) -> None:
        # The whole session: a ProxyCommand of the user's is a process too.
        with contextlib.suppress(OSError):
            if self._process.returncode is None:
                os.killpg(self._process.pid, number)

    def _end(self) -> None:
        try:
            self._process.wait(_CUT_ENDS if self._cut else _ENDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
