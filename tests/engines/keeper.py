"""Owns the processes of one test engine, and leaves nothing behind, however the tests end.

A program of its own, with nothing but the standard library: it must go on when
the test run that started it is killed. ``keeping.py`` starts it as

    unshare --mount --propagation slave python keeper.py FOLDER

so every mount that an engine makes is in a namespace that goes with it. The
engine's orphans (shims, containers) are handed to this process by the kernel,
so that its descendants are exactly what the engine started: they are ended by
their ids, and nothing else can be meant.

FOLDER/keep.json says what to keep; FOLDER/control takes one word a connection.
The keeper ends when one of the processes that it watches has ended.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
START_LIMIT = 60.0
STOP_LIMIT = 30.0
LOOK_AGAIN = 0.02
_libc = ctypes.CDLL(None, use_errno=True)


class KeeperError(Exception):
    """What went wrong, for the reader of a test's failure."""


def main() -> None:
    folder = Path(sys.argv[1])
    lock = (folder / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    keeper = Keeper(folder)
    try:
        keeper.prepare()
        keeper.serve()
    finally:
        keeper.end()


class Keeper:
    """One engine's processes, mounts, bridge and control groups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keep: dict[str, Any] = json.loads((folder / "keep.json").read_text())
        self.children: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        """Everything that has to be there before the engine's own processes."""
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        sweep(self.folder.parent)
        # Rootless engines want it shared; of what is mounted outside they still hear, and nobody of theirs.
        _run("mount", "--make-rshared", "/")
        for path in self.keep["private"]:
            if Path(path).is_dir():
                mode = stat.S_IMODE(Path(path).stat().st_mode)
                _run("mount", "-t", "tmpfs", "-o", f"mode={mode:o}", "tmpfs", path)
        for path in self.keep["overlaid"]:
            mount_overlay(self.folder, path)
        for path in self.keep["opened"]:
            open_device(self.folder, path)

    def serve(self) -> None:
        """Do what the control socket asks for, until a watched process ends or ``end`` is asked for."""
        with selectors.DefaultSelector() as selector, socket.socket(socket.AF_UNIX) as listener:
            wakeup, alarm = socket.socketpair()
            for end in (wakeup, alarm):
                end.setblocking(False)
            signal.set_wakeup_fd(alarm.fileno())
            for number in (*ENDING, signal.SIGCHLD):
                signal.signal(number, lambda *_: None)
            listener.bind(str(self.folder / "control"))
            listener.listen()
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wakeup, selectors.EVENT_READ)
            for pid in self.keep["watch"]:
                try:
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ)
                except ProcessLookupError:
                    return
            print("ready", flush=True)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if ready - {listener, wakeup}:
                    return  # a watched process has ended
                if wakeup in ready and set(wakeup.recv(4096)) & set(ENDING):
                    return
                self.reap()
                if listener not in ready:
                    continue
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    word = connection.recv(64).decode()
                    answer = self.answer(word)
                    connection.sendall(json.dumps(answer).encode())
                if word == "end":
                    return

    def answer(self, word: str) -> dict[str, Any]:
        try:
            if word == "start":
                self.start()
            elif word == "stop":
                self.stop()
            elif word == "kill":
                self.kill()
            elif word == "end":
                self.end()
        except (KeeperError, OSError) as error:
            return {"error": str(error)}
        return {"pids": [child.pid for child in self.children]}

    def start(self) -> None:
        """Start every process that does not run, each after the one before it is ready."""
        if self.children:
            return
        for number, process in enumerate(self.keep["processes"]):
            log = self.folder / f"{number}.log"
            with log.open("ab") as output:
                child = subprocess.Popen(
                    process["argv"],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **process["env"]},
                    start_new_session=True,
                    preexec_fn=_end_with_keeper,
                )
            self.children.append(child)
            try:
                self.wait_until_ready(child, process["ready"], log)
            except KeeperError:
                self.kill()
                raise

    def wait_until_ready(self, child: subprocess.Popen[bytes], ready: list[Any], log: Path) -> None:
        """Wait until the process answers; its death or `START_LIMIT` ends the wait."""
        give_up = time.monotonic() + START_LIMIT
        while not is_ready(ready):
            self.reap()
            try:
                code = child.wait(LOOK_AGAIN)
            except subprocess.TimeoutExpired:
                if time.monotonic() < give_up:
                    continue
                raise KeeperError(f"not ready after {START_LIMIT:g} s; its log ends:\n{tail(log)}") from None
            raise KeeperError(f"ended with {code}; its log ends:\n{tail(log)}")

    def reap(self) -> None:
        """Bury the orphans that have ended: an engine that starts again waits for those it finds in its pid files."""
        own = {child.pid for child in self.children}
        with suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in own:
                    return  # its Popen object waits for it; the others get their turn after that
                os.waitpid(found.si_pid, 0)

    def stop(self) -> None:
        """End them as a machine that shuts down would: the last first, each with time to clean up."""
        for child in reversed(self.children):
            child.terminate()
            try:
                child.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children.clear()

    def kill(self) -> None:
        """End them as a power cut would. Containers and shims stay, as they do then."""
        for child in reversed(self.children):
            child.kill()
            child.wait()
        self.children.clear()

    def end(self) -> None:
        """End everything and remove every trace."""
        self.kill()
        while pids := list(descendants(os.getpid())):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(-1, 0)
        if bridge := self.keep.pop("bridge", None):  # from here on another engine may have the name
            remove_links(bridge["name"], bridge["pool"])
        remove_traces(self.folder)


def _end_with_keeper() -> None:
    """Runs in the child: should the keeper itself be killed, the engine shuts down."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def is_ready(ready: list[Any]) -> bool:
    """``["http", SOCKET]`` answers a ping, ``["tcp", "ADDRESS:PORT"]`` or ``["socket", PATH]`` takes connections."""
    kind, where = ready
    try:
        if kind == "tcp":
            address, _, port = where.rpartition(":")
            socket.create_connection((address, int(port)), 5).close()
            return True
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(where)
            if kind == "http":
                client.sendall(b"GET /_ping HTTP/1.0\r\nHost: test\r\n\r\n")
                return b" 200 " in client.recv(64)
            return True
    except OSError:
        return False


def tail(log: Path, size: int = 2000) -> str:
    return log.read_bytes()[-size:].decode(errors="replace")


def descendants(ancestor: int) -> Iterator[int]:
    """The ids of every living or unreaped descendant, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                # The name in parentheses may hold anything; the parent is the second field after it.
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = list(children.get(ancestor, []))
    for pid in found:
        found.extend(children.get(pid, []))
    yield from found


def mount_overlay(folder: Path, path: str) -> None:
    """Let what is written below ``path`` go to the engine's own folder."""
    layers = folder / "overlay" / path.strip("/").replace("/", "-")
    (layers / "work").mkdir()
    options = f"lowerdir={path},upperdir={layers}/upper,workdir={layers}/work"
    _run("mount", "-t", "overlay", "-o", options, "overlay", path)


def open_device(folder: Path, path: str) -> None:
    """Put a device file that every user may open in the place of the machine's own."""
    node = folder / path.strip("/").replace("/", "-")
    os.mknod(node, stat.S_IFCHR, Path(path).stat().st_rdev)
    node.chmod(0o666)
    _run("mount", "--bind", str(node), path)


def remove_links(bridge: str, pool: str) -> None:
    """Remove the engine's bridge, and those of the networks that it made of the addresses of ``pool``."""
    inside = pool.rpartition(".")[0] + "."
    for line in _run("ip", "-o", "-4", "addr", "show").splitlines():
        _, link, _, address, *_ = line.split()
        if link == bridge or address.startswith(inside):
            subprocess.run(["ip", "link", "delete", link], capture_output=True, check=False)


def remove_traces(folder: Path) -> None:
    """Unmount and delete the folder, and remove the control groups of its engine."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for path in reversed([path for path in mounts if path.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", path], capture_output=True, check=False)
    groups = [Path(path) for path, _, _ in os.walk("/sys/fs/cgroup") if folder.name in Path(path).parts]
    for group in reversed(groups):
        with suppress(OSError):
            group.rmdir()
    shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what keepers left that were themselves killed: folders whose lock nobody holds."""
    for lock in parent.glob("dvm-engine-*/lock"):
        with suppress(OSError), lock.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_traces(lock.parent)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KeeperError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
