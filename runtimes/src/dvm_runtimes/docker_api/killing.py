"""Ending a command in a container, and all that it started.

The API can start a command but not end one. So every command carries a mark
in its environment that its children inherit, wherever they go: into the
background, into a session of their own, or below PID 1 when their parent has
ended. Whoever has the mark is ended.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
from pathlib import Path

MARK = "DVM_EXEC_ID"
"""The variable that holds a command's mark; users cannot set it, since ``DVM_`` is reserved."""

_ROUNDS = 200

SCRIPT = f"""\
n=0
while [ $n -lt {_ROUNDS} ]; do
  n=$((n+1)); found=
  for d in /proc/[0-9]*; do
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in
        *{MARK}=$1*) found=1; kill -9 "${{d#/proc/}}" ;;
      esac
    done < "$d/environ"
  done 2>/dev/null
  [ -n "$found" ] || exit 0
done
exit 1
"""
"""Does it inside, with a POSIX shell's own words alone: ``read`` of every shell drops the zeros between variables.

Rounds, since a process may fork while the others are looked at; one that has
ended, but was not waited for, has no environment any more.
"""


def new_mark() -> str:
    """A mark that nothing else has."""
    return secrets.token_hex(12)


def kill_command(mark: str) -> list[str]:
    """The words that end everything with this mark, when they run inside as root."""
    return ["/bin/sh", "-c", SCRIPT, "dvm-kill", mark]


def kill_here(mark: str, proc: Path = Path("/proc")) -> bool:
    """End everything with this mark among the processes of this machine; whether any was found, and all were ended.

    For containers that are processes of this machine's kernel, whatever the
    image has in it. Processes of others are seen and ended only by root.
    """
    needle = f"{MARK}={mark}".encode()
    found = False
    for _ in range(_ROUNDS):
        pids = [pid for pid in _processes(proc) if _has(proc, pid, needle)]
        if not pids:
            return found
        found = True
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            except PermissionError:
                return False
    return False


def _processes(proc: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir(proc) if name.isdigit()]  # noqa: PTH208 -- names are all that is needed
    return []


def _has(proc: Path, pid: int, needle: bytes) -> bool:
    try:
        content = (proc / str(pid) / "environ").read_bytes()
    except OSError:  # ended meanwhile, or another user's
        return False
    return needle in content.split(b"\0")
