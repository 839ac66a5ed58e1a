"""nerdctl on this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping

from .child import Child
from .scripts import END_MARKED, MARK_VARIABLE
from .transport import Call, Channel, Transport, TransportError


class LocalTransport(Transport):
    """Runs nerdctl as a child of this process.

    Args:
        nerdctl: the program, and the flags that say which containerd and which namespace.
        env: variables besides this process's own, as in ``{"BUILDKIT_HOST": "unix:///run/buildkit.sock"}``.
    """

    def __init__(self, nerdctl: tuple[str, ...], env: Mapping[str, str] | None = None) -> None:
        self.nerdctl = nerdctl
        self._env = dict(env or {})

    def open(self, call: Call) -> Channel:
        env = {**os.environ, **self._env, **call.variables.inherited, MARK_VARIABLE: call.mark}
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

    def end(self, mark: str, seconds: float) -> None:
        try:
            subprocess.run(
                ["sh", "-c", END_MARKED, "dvm", mark],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            pass  # who asks is on the way out with an error of its own

    def command(self, words: tuple[str, ...]) -> list[str]:
        return ["env", *(f"{name}={value}" for name, value in self._env.items()), *words] if self._env else [*words]
