"""tmux: a real terminal emulator that a test can look at."""

from __future__ import annotations

import builtins
import contextlib
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pexpect import fdpexpect

from .process import LIMIT


class Tmux:
    """One window of a tmux server of the test's own.

    Args:
        env: of what runs in it.
        folder: where it runs.
    """

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self._env = {**env, "TERM": "xterm-256color", "PS1": "$ "}
        self._folder = folder
        # Not below pytest's folder: the path of a Unix socket has at most 107 bytes.
        self._own = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
        self._fifo = self._own / "output"
        self._reader: fdpexpect.fdspawn[str] | None = None

    def run(self, command: str, columns: int, rows: int) -> None:
        """Run a shell's command line in a window of that size, which stays when it ends."""
        os.mkfifo(self._fifo)
        # Read and write: opening does not wait for the other side.
        reading = os.open(self._fifo, os.O_RDWR)
        self._reader = fdpexpect.fdspawn(reading, timeout=LIMIT, encoding="utf-8")
        # The command waits until every byte of it is written to the pipe.
        gate = f"read start; {command}; exec cat"
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-s", "test", "sh", "-c", gate)
        self._tmux("pipe-pane", "-t", "test", f"exec cat > {shlex.quote(str(self._fifo))}")
        self.press("Enter")

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        self._tmux("send-keys", "-t", "test", "-l", line)
        self.press("Enter")

    def press(self, key: str) -> None:
        """Press one key, as in ``"C-c"``."""
        self._tmux("send-keys", "-t", "test", key)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "test", "-x", str(columns), "-y", str(rows))

    def expect(self, text: str) -> None:
        """Wait until the window has been sent this text, after what was expected before."""
        assert self._reader is not None
        self._reader.expect_exact(text)

    def screen(self) -> str:
        """What stands in the window now."""
        return self._tmux("capture-pane", "-t", "test", "-p")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._own / "socket"), "-f", "/dev/null", *words],
            env=self._env,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: builtins.type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        with contextlib.suppress(AssertionError):  # no server, where nothing was run
            self._tmux("kill-server")
        if self._reader is not None:
            self._reader.close()
        for file in self._own.iterdir():
            file.unlink()
        self._own.rmdir()
