"""Removes what a process left on its engines, however that process ended.

A program of its own with nothing but the standard library, so that it starts
in a few milliseconds and costs nothing while it waits. `dvm_runtimes.cleanup.ledger`
starts it as

    python -I -S reaper.py LEDGER [PID ...]

with a pipe for its standard input whose other end only that process holds.
The kernel closes the pipe when the process ends, by SIGKILL too; or it says
that it is done (see `was_told`) and waits for this program. The PIDs are
watched besides: a process that the owner forked may hold the pipe open.

What is left is what LEDGER says (see `read`). When all of it is gone, LEDGER
is deleted; what could not be removed stays in it for `ledger.sweep`.
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
    # Importing it would take as long as half of the rest.
    from typing import Any

    Entry = dict[str, Any]

IN_FLIGHT = 10.0
"""Seconds for which something planned, of which the engine knows nothing, may still appear:
a request outlives the process that sent it."""
LIMIT = 60.0
"""Seconds after which removing is given up; the ledger stays."""
ANSWER_LIMIT = 30.0
UNWATCHED_PAUSE = 0.2
"""Seconds between looks at processes whose end the kernel does not tell."""
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.25
AT_ONCE = 16
IGNORED = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
"""Ctrl-C and a terminal that closes are meant for the owner, and so is the SIGTERM before the SIGKILL of a group."""
DONE = b"."
"""What the owner writes into the pipe before it closes it in order."""
KINDS = ("container", "network", "image")
"""In the order in which they can be removed: networks and images are held by containers."""


def main() -> None:
    path, *pids = sys.argv[1:]
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    # They were blocked from its start until here; programs that it runs get them again.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)
    wait_for_end([int(pid) for pid in pids])
    done = reap(path, in_flight=0.0 if was_told() else IN_FLIGHT)
    # There is nothing to be tidied up, and somebody may be waiting.
    os._exit(0 if done else 1)


def wait_for_end(pids: list[int]) -> None:
    """Return when standard input is at its end or one of the processes has ended."""
    if sys.platform == "darwin":
        _wait_with_kqueue(pids)
    else:
        _wait_with_poll(pids)


def was_told() -> bool:
    """Whether the owner has said that it is done, and makes nothing more."""
    ready, _, _ = select.select([0], [], [], 0)
    return bool(ready) and os.read(0, 1) == DONE


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
    """The owner that a ledger names, and what it says is still there.

    A ledger is lines of JSON, only ever appended to::

        {"ledger": 1, "owner": "host:4711:8812"}
        {"engine": "docker", "removal": {"socket": "/var/run/docker.sock", "container": "/containers/{name}"}}
        {"plan": "dvm-one", "kind": "container", "engine": "docker"}
        {"made": "dvm-one", "kind": "container", "engine": "docker"}
        {"gone": "dvm-one", "kind": "container", "engine": "docker"}
        {"note": "docker,podman"}

    What is planned may be there or not. Each entry has ``name``, ``kind``,
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
                continue  # the last line of a machine that lost its power
            if "owner" in line:
                owner = line["owner"]
            elif "note" in line:
                continue  # between those who write it
            elif "removal" in line:
                removals[line["engine"]] = line["removal"]
            else:
                word = next(iter(line))
                key = (line["engine"], line["kind"], line[word])
                if word == "gone":
                    entries.pop(key, None)
                else:
                    entries[key] = {
                        "engine": line["engine"],
                        "kind": line["kind"],
                        "name": line[word],
                        "made": word == "made",
                    }
    found = list(entries.values())
    for entry in found:
        entry["removal"] = removals.get(entry["engine"], {})
    return owner, found


def reap(path: str, in_flight: float = IN_FLIGHT) -> bool:
    """Remove all that the ledger says is there, then the ledger; whether all of it is gone.

    Args:
        path: the ledger.
        in_flight: seconds for which something planned may still appear; 0 where its maker has ended in order.
    """
    try:
        _, entries = read(path)
    except FileNotFoundError:
        return True  # the owner ended in order
    give_up = time.monotonic() + LIMIT
    removed = [_remove_all([one for one in entries if one["kind"] == kind], give_up, in_flight) for kind in KINDS]
    if not all(removed):
        return False
    try:
        os.unlink(path)  # noqa: PTH108 -- as above
    except FileNotFoundError:
        pass  # somebody swept at the same time
    return True


def _remove_all(entries: list[Entry], give_up: float, in_flight: float) -> bool:
    if len(entries) == 1:
        return remove(entries[0], give_up, in_flight)
    if not entries:
        return True
    # Imported only now: it would double the time that this program takes to start.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(AT_ONCE, len(entries))) as pool:
        return all(list(pool.map(lambda entry: remove(entry, give_up, in_flight), entries)))


def remove(entry: Entry, give_up: float, in_flight: float = IN_FLIGHT) -> bool:
    """Remove one thing; whether it is certainly gone."""
    removal = entry["removal"]
    step = removal.get(entry["kind"])
    if not step:
        return True  # this engine has no such things
    appears_until = 0.0 if entry["made"] else min(give_up, time.monotonic() + in_flight)
    pause = FIRST_PAUSE
    while True:
        if isinstance(step, str):
            outcome = _delete(entry, step)
        else:
            outcome = _run([MOVED.get(word, word).replace("{name}", entry["name"]) for word in step])
        now = time.monotonic()
        if outcome == "removed" or (outcome == "absent" and now >= appears_until):
            return True
        if now >= give_up:
            return False
        # No engine tells that something planned will never come, nor when a
        # removal that is under way is over: ask again.
        time.sleep(pause)
        pause = min(pause * 1.3, LONGEST_PAUSE)


def _delete(entry: Entry, step: str) -> str:
    removal, name = entry["removal"], entry["name"]
    look = removal.get("look") if entry["kind"] == "container" and not entry["made"] else None
    if look:
        # It may be in the making; see `dvm_runtimes.engines.docker_api.remove_orphan.LOOK`.
        there = _ask(removal["socket"], look.replace("{name}", name), "GET")
        if there != "removed":
            return there
    return _ask(removal["socket"], step.replace("{name}", name))


def _ask(path: str, target: str, method: str = "DELETE") -> str:
    """One request over a Unix socket: ``removed`` (or found), ``absent``, or ``again`` when neither is certain."""
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
"""Modules that ledgers of older versions name in their commands, and where they are now."""


def _run(command: list[str]) -> str:
    """One command; engines' commands do not tell by their exit code whether there was anything to remove."""
    import subprocess

    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "again"
    return "absent" if done.returncode == 0 else "again"


if __name__ == "__main__":
    main()
