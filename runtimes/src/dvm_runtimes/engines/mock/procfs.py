"""``/proc``, ``/dev`` and ``/sys`` of a running container: as much of them as programs look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .nodes import Computed, ComputedFolder, Device, MemoryFile, MemoryFolder, MemoryLink, Node
from .table import current

if TYPE_CHECKING:
    from dvm_runtimes.engines.base import ContainerSpec

    from .processes import Process
    from .table import ProcessTable

# In the order of their numbers in linux/capability.h.
_NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
# What Docker leaves a container that says nothing.
_KEPT = """
CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
AUDIT_WRITE
"""
_CAPABILITIES = {name: number for number, name in enumerate(_NAMES.split())}
_DEFAULT = frozenset(_KEPT.split())
_PERIOD = 100_000


def devices() -> MemoryFolder:
    """``/dev``."""
    folder = MemoryFolder()
    for name in ("null", "zero", "full", "random", "urandom", "tty", "stdin", "stdout", "stderr"):
        folder.put(name, Device(name))
    folder.put("fd", MemoryLink("/proc/self/fd"))
    folder.put("shm", MemoryFolder(0o1777))
    folder.put("pts", MemoryFolder())
    return folder


def capability_mask(spec: ContainerSpec) -> int:
    """The set of Linux capabilities that a container's root has, as ``/proc/PID/status`` shows it."""
    if spec.privileged:
        return sum(1 << number for number in _CAPABILITIES.values())
    names = set() if "ALL" in spec.cap_drop else _DEFAULT - set(spec.cap_drop)
    added = set(_CAPABILITIES) if "ALL" in spec.cap_add else set(spec.cap_add)
    return sum(1 << number for name, number in _CAPABILITIES.items() if name in names | added)


def proc(table: ProcessTable, spec: ContainerSpec) -> ComputedFolder:
    """``/proc``."""
    fixed: dict[str, Node] = {
        "net": _fixed({"tcp": Computed(lambda: _tcp(table)), "tcp6": Computed(lambda: _TCP_HEAD)}),
        "meminfo": Computed(lambda: f"MemTotal: {(spec.memory or 8 << 30) // 1024:>10} kB\n"),
        "uptime": Computed(lambda: "100.00 100.00\n"),
        "version": Computed(lambda: "Linux version 6.1.0-mock\n"),
    }

    def get(name: str) -> Node | None:
        if name == "self":
            asking = current()
            return None if asking is None else MemoryLink(str(asking.pid))
        if name in fixed:
            return fixed[name]
        process = table.alive.get(int(name)) if name.isdecimal() else None
        return None if process is None else _process(process, spec)

    return ComputedFolder(lambda: ["self", *fixed, *map(str, list(table.alive))], get)


def _fixed(nodes: dict[str, Node]) -> ComputedFolder:
    return ComputedFolder(lambda: nodes, nodes.get)


def _process(process: Process, spec: ContainerSpec) -> Node:
    words = process.argv
    environ = "".join(f"{name}={value}\0" for name, value in process.env.items())
    return _fixed(
        {
            "cmdline": Computed(lambda: "".join(f"{word}\0" for word in words)),
            "comm": Computed(lambda: words[0].rpartition("/")[2][:15] + "\n"),
            "cwd": MemoryLink(process.cwd),
            "environ": Computed(lambda: environ),
            "net": _fixed({"tcp": Computed(lambda: _tcp(process.table)), "tcp6": Computed(lambda: _TCP_HEAD)}),
            "status": Computed(lambda: _status(process, spec)),
        }
    )


def _status(process: Process, spec: ContainerSpec) -> str:
    mask = capability_mask(spec)
    effective = mask if process.who.uid == 0 else 0
    confined = any(option.startswith("no-new-privileges") for option in spec.security_opt)
    ids = {"Uid": process.who.uid, "Gid": process.who.gid}
    return (
        f"Name:\t{process.argv[0].rpartition('/')[2][:15]}\nState:\tS (sleeping)\nPid:\t{process.pid}\n"
        f"PPid:\t{process.parent.pid if process.parent else 0}\n"
        + "".join(f"{name}:\t" + "\t".join([str(number)] * 4) + "\n" for name, number in ids.items())
        + f"CapInh:\t{0:016x}\nCapPrm:\t{effective:016x}\nCapEff:\t{effective:016x}\nCapBnd:\t{mask:016x}\n"
        f"CapAmb:\t{0:016x}\nNoNewPrivs:\t{int(confined)}\nSeccomp:\t{0 if spec.privileged else 2}\n"
    )


_TCP_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def _tcp(table: ProcessTable) -> str:
    rows = (
        f"{index:4}: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 {index}\n"
        for index, port in enumerate(table.network.listening())
    )
    return _TCP_HEAD + "".join(rows)


def limits(spec: ContainerSpec) -> MemoryFolder:
    """``/sys``, with the limits where version 2 of control groups shows them."""
    system, fs, group = MemoryFolder(0o555), MemoryFolder(0o555), MemoryFolder(0o555)
    system.put("fs", fs)
    fs.put("cgroup", group)
    quota = "max" if not spec.cpus else str(int(spec.cpus * _PERIOD))
    shown = {
        "cpu.max": f"{quota} {_PERIOD}",
        "memory.max": str(spec.memory or "max"),
        "pids.max": str(spec.pids_limit or "max"),
    }
    for name, text in shown.items():
        group.put(name, MemoryFile(f"{text}\n".encode(), 0o444))
    return system
