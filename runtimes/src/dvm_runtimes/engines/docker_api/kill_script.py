"""The script that ends a command in a container, and everything that it started.

The API can start a command but not end one. So every command carries a mark
in its environment that its children inherit, wherever they go: into the
background, into a session of their own, or below PID 1 when their parent has
ended. Every process that has the mark is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

MARK = "DVM_EXEC_ID"
"""The variable that holds a command's mark; users cannot set it, since ``DVM_`` is reserved."""

_ROUNDS = 200

SCRIPT = f"""\
n=0 quiet=0
while [ $n -lt {_ROUNDS} ]; do
  n=$((n+1)); found=
  for d in /proc/[0-9]*; do
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in
        *{MARK}=$1*) found=1; kill -9 "${{d#/proc/}}" ;;
      esac
    done < "$d/environ"
  done 2>/dev/null
  if [ -n "$found" ]; then quiet=0; else quiet=$((quiet+1)); fi
  [ $quiet -lt 2 ] || exit 0
done
exit 1
"""
"""Uses nothing but a POSIX shell's builtins: ``read`` of every shell drops the zeros between variables.

Rounds, since a process may fork while the others are looked at; and two in
the end that find nothing, since one that is just becoming another program
shows no environment. One that has ended, but was not waited for, has none.
"""


def new_mark() -> str:
    """A mark that nothing else has."""
    return os.urandom(12).hex()


def kill_command(mark: str) -> list[str]:
    """The argv that ends everything with this mark, run in the container as root."""
    return ["/bin/sh", "-c", SCRIPT, "dvm-kill", mark]


def kill_here(mark: str, proc: Path = Path("/proc")) -> bool:
    """End everything with this mark among the processes of this machine; whether any was found, and all were ended.

    For containers that are processes of this machine's kernel, whatever the
    image has in it. Processes of others are seen and ended only by root.
    """
    needle = f"{MARK}={mark}".encode()
    found = False
    for _ in range(_ROUNDS):
        there = {pid: _has(proc, pid, needle) for pid in _processes(proc)}
        if not any(has is not False for has in there.values()):
            return found
        for pid in (pid for pid, has in there.items() if has):
            found = True
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


def _has(proc: Path, pid: int, needle: bytes) -> bool | None:
    """Whether its environment has this; None where that cannot be said now."""
    try:
        content = (proc / str(pid) / "environ").read_bytes()
        if content:
            return needle in content.split(b"\0")
        return None if _is_changing(proc / str(pid) / "stat") else False
    except OSError:  # ended meanwhile, or another user's
        return False


def _is_changing(stat: Path) -> bool:
    """Whether a process that shows no environment is just becoming another program.

    It has memory, which neither a thread of the kernel nor one that has ended has, and the kernel has not put the
    environment there yet (proc(5), ``/proc/pid/stat``: vsize, env_start, env_end).
    """
    fields = stat.read_bytes().rpartition(b")")[2].split()
    size, start, end = (int(fields[number - 3]) for number in (23, 50, 51))
    return size > 0 and (end == 0 or start != end)
