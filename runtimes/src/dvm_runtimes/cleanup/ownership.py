"""The process that owns a workspace, and whether it still runs.

The label ``io.devopsmaestro.owner`` holds ``HOST:PID:STARTTIME``. A PID alone
is ambiguous: PIDs are reused, and every machine and container has its own.
HOST says where the PID is valid, STARTTIME tells it from a later process with
the same PID.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

_UNKNOWN = "unknown"
_PS_LIMIT = 5.0


def current_owner() -> str:
    """The owner value of this process, for ``StartOptions(owner=...)``.

    >>> is_dead(current_owner())
    False
    """
    return owner_of(os.getpid())


def owner_of(pid: int) -> str:
    """The owner value of another process of this machine.

    Raises:
        ProcessLookupError: there is no such process.
    """
    start = _start_time(pid)
    if start is None:
        raise ProcessLookupError(f"there is no process {pid}")
    return f"{_host()}:{pid}:{start}"


def is_dead(owner: str) -> bool:
    """Whether the owner is gone for certain.

    False if that is unknown: for an owner on another machine or in another
    container, in another format, or that this user may not inspect.

    >>> is_dead("elsewhere:1:1"), is_dead("")
    (False, False)
    """
    host, _, rest = owner.partition(":")
    pid, _, start = rest.partition(":")
    if not start or start == _UNKNOWN or not re.fullmatch(r"[1-9][0-9]{0,8}", pid) or host != _host():
        return False
    now = _start_time(int(pid))
    return now is None or now not in (start, _UNKNOWN)


def _host() -> str:
    """The name of the PID namespace of this process.

    Machines may share host names, and containers may share that of their
    machine; a suffix tells them apart. It is a hash, because the machine ID
    is confidential (machine-id(5)).
    """
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname())[:48]
    if sys.platform != "linux":
        return name or "host"
    place = _read("/etc/machine-id").strip()
    try:
        # The inode of the PID namespace, see namespaces(7).
        place += str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        pass  # not readable
    return f"{name}.{hashlib.sha256(f'dvm {place}'.encode()).hexdigest()[:8]}"


def _start_time(pid: int) -> str | None:
    """The start time of a process, which no later process with this PID has; None if it is gone."""
    system: str = sys.platform  # annotated so that type checkers check every branch
    if system == "linux":
        return _linux_start_time(pid)
    if system == "win32":
        # os.kill(pid, 0) would end the process on Windows.
        return _UNKNOWN
    return _ps_start_time(pid)


def _linux_start_time(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        # With hidepid (proc(5)) the processes of other users are invisible.
        return _UNKNOWN if _exists(pid) else None
    # The second field is the program's name in parentheses, which may contain parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    if state in "ZX":
        return None
    # Field 22: clock ticks since boot, so the boot ID is part of the value.
    boot = _read("/proc/sys/kernel/random/boot_id")[:8] or _UNKNOWN
    return f"{fields[18]}.{boot}"


def _ps_start_time(pid: int) -> str | None:
    try:
        found = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=_PS_LIMIT,
            env={"PATH": "/usr/bin:/bin:" + os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return _UNKNOWN
    started = re.sub(r"[^A-Za-z0-9]", "", found.stdout)
    return started or (_UNKNOWN if _exists(pid) else None)


def _exists(pid: int) -> bool:
    """Whether the process exists; see signal 0 in kill(2)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
