"""Who started a workspace, and whether that process still lives.

The label ``io.devopsmaestro.owner`` holds ``HOST:PID:STARTTIME``. A number
alone would not do: PIDs are used again, and every machine and every container
counts its own. So an owner is judged only where its number has a meaning,
which HOST tells, and STARTTIME tells it from a later process of that number.
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
    """The mark of this process, for ``StartOptions(owner=...)``.

    >>> is_dead(current_owner())
    False
    """
    return owner_of(os.getpid())


def owner_of(pid: int) -> str:
    """The mark of another process of this machine, as of the shell that runs a script.

    Raises:
        ProcessLookupError: there is no such process.
    """
    start = _start_time(pid)
    if start is None:
        raise ProcessLookupError(f"there is no process {pid}")
    return f"{_host()}:{pid}:{start}"


def is_dead(owner: str) -> bool:
    """Whether the process of this mark is certainly gone.

    False whenever it cannot be known: a mark of another machine or container,
    of another format, or of a process that this user may not look at.

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
    """The name of the place in which a PID of this process means something.

    Machines share host names, and containers share a machine's; the suffix
    tells them apart. It is a hash: systemd asks that a machine's ID stays
    confidential (machine-id(5)).
    """
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname())[:48]
    if sys.platform != "linux":
        return name or "host"
    place = _read("/etc/machine-id").strip()
    try:
        # The PID namespace, by the number of its inode: see namespaces(7).
        place += str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        pass  # not to be told: the name and the machine have to do
    return f"{name}.{hashlib.sha256(f'dvm {place}'.encode()).hexdigest()[:8]}"


def _start_time(pid: int) -> str | None:
    """When the process started, in words that no later process of that number has; None if it is gone."""
    system: str = sys.platform  # a plain string: type checkers look into every branch
    if system == "linux":
        return _linux_start_time(pid)
    if system == "win32":
        # os.kill(pid, 0) would end the process there; nothing is ever judged dead.
        return _UNKNOWN
    return _ps_start_time(pid)


def _linux_start_time(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        # With hidepid (proc(5)) other users' processes look as if they were not there.
        return _UNKNOWN if _signalled(pid) else None
    # The second field is the program's name in parentheses, which may hold both itself.
    state, *fields = stat.rpartition(")")[2].split()
    if state in "ZX":
        return None
    # Field 22: ticks since this boot. After another boot the same tick may come again.
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
    words = found.stdout.split()
    return re.sub(r"[^A-Za-z0-9]", "", "".join(words)) if words else (_UNKNOWN if _signalled(pid) else None)


def _signalled(pid: int) -> bool:
    """Whether there is such a process, by the rules of kill(2) for signal 0."""
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
