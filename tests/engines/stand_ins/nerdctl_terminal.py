"""A terminal's size in the stand-in of nerdctl: the command finds it from its first moment on, as with nerdctl.

With Docker's client the size comes after the command has started, and not at all where that is slow to come up.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence

PAUSE = 0.05
TOLD = 100
"""How long, in seconds, and how often the size is told again."""

SIZED = """
n=0
while [ $n -lt 500 ]; do
    # Where there is none, busybox says so with an error.
    case $(stty size 2>/dev/null) in "" | "0 0") n=$((n + 1)); sleep 0.01 ;; *) break ;; esac
done
exec "$@"
"""
"""Inside the container: the command begins once its terminal has a size."""


def sized(words: Sequence[str], container: str) -> list[str]:
    """The words of an exec whose command waits for the size that this terminal has."""
    if os.get_terminal_size(1) == (0, 0):
        return list(words)
    after = words.index(container) + 1
    return [*words[:after], "sh", "-c", SIZED, "sh", *words[after:]]


def wait(child: subprocess.Popen[bytes]) -> int:
    """The exit code of Docker's client, which is told the size until it must have passed it on."""
    for _ in range(TOLD):
        try:
            return child.wait(PAUSE)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGWINCH)
    return child.wait()
