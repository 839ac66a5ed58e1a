"""Remove the engine resources of a process after it has ended.

A program that imports only the standard library, so that it starts in a few
milliseconds. `dvm_runtimes.cleanup.ledger` starts it as

    python -I -S reaper.py LEDGER [PID ...]

with a pipe as its stdin whose other end that process holds. The kernel closes
the pipe when the process ends, by SIGKILL too; or the process writes `DONE`
and waits for this program. The PIDs are watched as well, since a process that
the owner forked may hold the pipe open.

The resources are those in LEDGER (see `read`). When all are removed, LEDGER
is deleted; otherwise it is kept for `ledger.sweep`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Entry = dict[str, Any]

IN_FLIGHT = 10.0
"""Seconds for which a planned resource may still appear: a request outlives the process that sent it."""
LIMIT = 60.0
"""Seconds after which the reaper gives up and keeps the ledger."""
ANSWER_LIMIT = 30.0
UNWATCHED_PAUSE = 0.2
"""Seconds between checks of processes that cannot be watched."""
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.25
AT_ONCE = 16
IGNORED = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
"""Signals for the owner, which reach its whole process group."""
DONE = b"."
"""Written to the pipe by an owner that ends normally."""
KINDS = ("call", "container", "volume", "network", "image")
"""In the order of removal: calls use containers, and containers use networks and images. A call is a program that this
library has started on the engine's machine, by its mark."""


def main() -> None:
    path, *pids = sys.argv[1:]
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    # Blocked by the parent until here.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)
    wait_for_end([int(pid) for pid in pids])
    done = reap(path, in_flight=0.0 if owner_is_done() else IN_FLIGHT)
    # Without the interpreter's clean-up: the owner may be waiting.
    os._exit(0 if done else 1)


def wait_for_end(pids: list[int]) -> None:
    """Return when stdin is at its end or one of the processes has ended."""
    if sys.platform == "darwin":
        _wait_with_kqueue(pids)
    else:
        _wait_with_poll(pids)


def owner_is_done() -> bool:
    """Whether the owner has written `DONE`: nothing more is created."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    return bool(poll.poll(0)) and os.read(0, 1) == DONE


def _wait_with_poll(pids: list[int]) -> None:
    poll = select.poll()
    poll.register(0, select.POLLIN)
    watched = True
    for pid in pids:
        try:
            poll.register(os.pidfd_open(pid), select.POLLIN)
        except ProcessLookupError:
            return
        except (AttributeError, OSError):
            watched = False  # a kernel before 5.3
    while not poll.poll(None if watched else UNWATCHED_PAUSE * 1000):
        if any(map(_has_ended, pids)):
            return


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


if sys.platform == "darwin":

    def _wait_with_kqueue(pids: list[int]) -> None:
        queue = select.kqueue()
        changes = [select.kevent(0, select.KQ_FILTER_READ, select.KQ_EV_ADD)]
        changes += [
            select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT)
            for pid in pids
        ]
        try:
            queue.control(changes, 1)
        except ProcessLookupError:
            return


def read(path: str) -> tuple[str, list[Entry]]:
    """The owner of a ledger, and the resources in it that may still exist.

    A ledger is lines of JSON, in the order they were appended::

        {"ledger": 1, "owner": "host:4711:8812"}
        {"engine": "docker", "removal": {"socket": "/var/run/docker.sock", "container": "/containers/{name}"}}
        {"plan": "dvm-one", "kind": "container", "engine": "docker"}
        {"made": "dvm-one", "kind": "container", "engine": "docker"}
        {"gone": "dvm-one", "kind": "container", "engine": "docker"}
        {"note": "docker,podman"}

    A planned resource may exist or not. Each entry has ``name``, ``kind``,
    ``engine``, ``made`` and ``removal``.
    """
    owner = ""
    removals: dict[str, Any] = {}
    entries: dict[tuple[str, str, str], Entry] = {}
    with open(path, encoding="utf-8") as lines:  # noqa: PTH123 -- importing pathlib takes longer than all the rest
        for text in lines:
            try:
                line = json.loads(text)
            except ValueError:
                continue  # cut off by a power cut
            if "owner" in line:
                owner = line["owner"]
            elif "note" in line:
                continue
            elif "removal" in line:
                removals[line["engine"]] = line["removal"]
            else:
                event = next(iter(line))
                key = (line["engine"], line["kind"], line[event])
                if event == "gone":
                    entries.pop(key, None)
                else:
                    entries[key] = {
                        "engine": line["engine"],
                        "kind": line["kind"],
                        "name": line[event],
                        "made": event == "made",
                    }
    found = list(entries.values())
    for entry in found:
        entry["removal"] = removals.get(entry["engine"], {})
    return owner, found


def reap(path: str, in_flight: float = IN_FLIGHT) -> bool:
    """Remove the resources in the ledger, then the ledger; returns whether all were removed.

    Args:
        path: the ledger.
        in_flight: seconds for which a planned resource may still appear; 0 after a normal end.
    """
    try:
        _, entries = read(path)
    except FileNotFoundError:
        return True  # the owner has removed everything
    give_up = time.monotonic() + LIMIT
    removed = [_remove_all([one for one in entries if one["kind"] == kind], give_up, in_flight) for kind in KINDS]
    if not all(removed):
        return False
    try:
        os.unlink(path)  # noqa: PTH108 -- as above
    except FileNotFoundError:
        pass  # another sweep was faster
    return True


def _remove_all(entries: list[Entry], give_up: float, in_flight: float) -> bool:
    if len(entries) == 1:
        return remove(entries[0], give_up, in_flight)
    if not entries:
        return True
    # Slow to import.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(AT_ONCE, len(entries))) as pool:
        return all(list(pool.map(lambda entry: remove(entry, give_up, in_flight), entries)))


def remove(entry: Entry, give_up: float, in_flight: float = IN_FLIGHT) -> bool:
    """Remove one resource; returns whether it is gone for certain."""
    removal = entry["removal"]
    step = removal.get(entry["kind"])
    if not step:
        return True  # the engine has no such resources
    appears_until = 0.0 if entry["made"] else min(give_up, time.monotonic() + in_flight)
    pause = FIRST_PAUSE
    while True:
        if isinstance(step, str):
            outcome = _delete(entry, step)
        else:
            outcome = _run([MOVED.get(part, part).replace("{name}", entry["name"]) for part in step])
        now = time.monotonic()
        if outcome == "removed" or (outcome == "absent" and now >= appears_until):
            return True
        if now >= give_up:
            return False
        # Engines do not report that a planned resource will never appear, nor
        # the end of a removal in progress: poll.
        time.sleep(pause)
        pause = min(pause * 1.3, LONGEST_PAUSE)


def _delete(entry: Entry, step: str) -> str:
    removal, name = entry["removal"], entry["name"]
    look = removal.get("look") if entry["kind"] == "container" and not entry["made"] else None
    if look:
        # It may be being created; see `dvm_runtimes.engines.docker_api.remove_orphan.LOOK`.
        there = _ask(removal["socket"], look.replace("{name}", name), "GET")
        if there != "removed":
            return there
    return _ask(removal["socket"], step.replace("{name}", name))


def _ask(path: str, target: str, method: str = "DELETE") -> str:
    """Send one request over a Unix socket; returns ``removed`` (or found), ``absent``, or ``again`` if unknown."""
    request = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_LIMIT)
            connection.connect(path)
            connection.sendall(request.encode())
            status = connection.makefile("rb").readline().split()
    except OSError:
        return "again"
    code = status[1] if len(status) > 1 else b""
    if code == b"404":
        return "absent"
    return "removed" if code[:1] == b"2" else "again"


MOVED = {"dvm_runtimes.docker_api.leaving": "dvm_runtimes.engines.docker_api.remove_orphan"}
"""Modules that ledgers of older versions name, and their names now."""


def _run(command: list[str]) -> str:
    """Run one removal command, whose exit code does not tell whether there was anything to remove."""
    import subprocess

    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "again"
    return "absent" if done.returncode == 0 else "again"


if __name__ == "__main__":
    main()
