"""nerdctl on this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping

from .child import Child
from .scripts import END_MARKED, MARK_VARIABLE
from .transport import Call, Channel, Transport, TransportError

_TELLING = ("PATH", "HOME", "XDG_RUNTIME_DIR", "NERDCTL_TOML", "BUILDKIT_HOST", "DOCKER_CONFIG")
"""What tells nerdctl where everything is."""


class LocalTransport(Transport):
    """Runs nerdctl as a child of this process.

    Args:
        nerdctl: the program, and the flags that say which containerd and which namespace.
        env: its whole environment; this process's own by default.
    """

    def __init__(self, nerdctl: tuple[str, ...], env: Mapping[str, str] | None = None) -> None:
        self.nerdctl = nerdctl
        self._env = None if env is None else dict(env)

    def open(self, call: Call) -> Channel:
        own = os.environ if self._env is None else self._env
        env = {**own, **call.variables.inherited, MARK_VARIABLE: call.mark}
        # A file without a name, that nobody else can open.
        with tempfile.TemporaryFile() as file:
            file.write(call.variables.file)
            file.seek(0)
            keep = [file.fileno()] if call.variables.file else []
            try:
                return Child(
                    call.argv(f"/dev/fd/{file.fileno()}"),
                    env=env,
                    stdin=call.stdin,
                    size=call.size,
                    merge=call.merge,
                    keep=keep,
                )
            except OSError as error:
                raise TransportError(f"{call.words[0]}: {error.strerror}") from error

    def end(self, mark: str, seconds: float, script: str = END_MARKED) -> None:
        try:
            subprocess.run(
                ["sh", "-c", script, "dvm", mark],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            pass  # who asks is on the way out with an error of its own

    def command(self, words: tuple[str, ...]) -> list[str]:
        env = os.environ if self._env is None else self._env
        return ["env", *(f"{name}={env[name]}" for name in _TELLING if name in env), *words]
