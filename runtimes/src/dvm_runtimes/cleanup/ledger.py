"""What this process has on its engines, written down so that nothing of it outlives the process.

Everything is written down before it is made. A small process, `reaper.py`,
holds the other end of a pipe and removes what the ledger names once this
process is gone, by SIGKILL too. What even that could not remove, because the
engine was down or the machine lost its power, is left to `sweep`, which the
next run calls, and to ``dvm gc``.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dvm_runtimes.user.folders import state_folder

from . import reaper
from .ownership import current_owner, is_dead

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
_SUFFIX = ".ledger"
_END_LIMIT = 5.0
"""Seconds for a reaper that was killed to be gone."""


def ledgers_folder() -> Path:
    """Where ledgers are kept, as in ``~/.local/state/dvm/ledgers``: on a disk, which outlives a power cut."""
    return state_folder() / "ledgers"


def engine_key(runtime: ContainerRuntime) -> str:
    """What a ledger calls the engine of ``runtime``, as in ``"docker unix:///var/run/docker.sock"``."""
    return f"{runtime.platform_type} {runtime.endpoint}"


class Ledger:
    """The ledger of one owner, and the reaper that watches it.

    Several processes may write to one ledger, each through its own object:
    lines are appended in one piece.

    Args:
        file: where it is; default a new one in `ledgers_folder`.
        owner: whose end ends everything in it; default this process.
        watch: process IDs whose end is the owner's; default this process.
        pipe: whether the reaper also waits for the end of a pipe from this process. False for a ledger whose
            owner is another process.

    >>> import tempfile
    >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "doc.ledger")
    >>> ledger.plan("container", "dvm-one", "docker")
    >>> [thing.name for thing in left(ledger.file)]
    ['dvm-one']
    >>> ledger.gone("container", "dvm-one", "docker")
    >>> ledger.close()
    True
    """

    def __init__(
        self,
        file: Path | None = None,
        *,
        owner: str | None = None,
        watch: Iterable[int] | None = None,
        pipe: bool = True,
    ) -> None:
        self.file = file or ledgers_folder() / f"{secrets.token_hex(8)}{_SUFFIX}"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._engines: set[str] = set()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._handed_over = False
        try:
            self._fd = os.open(self.file, _APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            # Somebody else began it, with its reaper.
            self._fd = os.open(self.file, _APPEND)
            return
        self._write({"ledger": 1, "owner": owner or current_owner()})
        self._reaper = start_reaper(self.file, [os.getpid()] if watch is None else watch, pipe=pipe)

    def engine(self, runtime: ContainerRuntime) -> str:
        """Write down how things of this engine are removed; the key that the other methods take."""
        key = engine_key(runtime)
        with self._lock:
            if key in self._engines:
                return key
            self._engines.add(key)
        self._write({"engine": key, "removal": dict(runtime.removal())})
        return key

    def plan(self, kind: str, name: str, engine: str) -> None:
        """``name`` is about to be made; ``kind`` is one of ``reaper.KINDS``."""
        self._write({"plan": name, "kind": kind, "engine": engine})

    def made(self, kind: str, name: str, engine: str) -> None:
        """``name`` has been made."""
        self._write({"made": name, "kind": kind, "engine": engine})

    def gone(self, kind: str, name: str, engine: str) -> None:
        """``name`` has been removed, or is no longer to be."""
        self._write({"gone": name, "kind": kind, "engine": engine})

    def note(self, text: str) -> None:
        """Write something down for the others who write to this ledger; see `noted`."""
        self._write({"note": text})

    def noted(self) -> str | None:
        """What was first noted, by whomever; None if nothing was."""
        with self.file.open(encoding="utf-8") as lines:
            notes = [json.loads(line)["note"] for line in lines if line.startswith('{"note":')]
        return str(notes[0]) if notes else None

    def hand_over(self) -> None:
        """Let the reaper remove all that is in it, while this process does something else until it calls `close`.

        Nothing may be written to it from here on.
        """
        if self._reaper is not None and self._reaper.stdin is not None and os.getpid() == self._pid:
            self._handed_over = True
            with contextlib.suppress(BrokenPipeError):  # somebody ended it: `close` removes it all
                self._reaper.stdin.write(reaper.DONE)
                self._reaper.stdin.close()

    def close(self) -> bool:
        """Remove all that is still in it, end its reaper and delete it; whether all of it is gone."""
        if self._fd < 0:
            return True
        if os.getpid() != self._pid:
            self.detach()
            return False  # a fork: these things are its parent's
        done = self._reaper_is_done() or reaper.reap(os.fspath(self.file), in_flight=0.0)
        os.close(self._fd)
        self._fd = -1
        if self._reaper is not None:
            if done:
                self._reaper.kill()  # there is nothing left to do for it, and it takes its time to find out
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._reaper.wait(_END_LIMIT)
            _leave_alone(self._reaper)  # or it goes on trying
        return done

    def _reaper_is_done(self) -> bool:
        if not self._handed_over or self._reaper is None or self._reaper.stdout is None:
            return False
        # `Popen.wait` with a limit looks at ever longer intervals; the end of what it could write is told at once.
        with self._reaper.stdout as output:
            select.select([output], [], [], reaper.LIMIT)
        try:
            return self._reaper.wait(_END_LIMIT) == 0
        except subprocess.TimeoutExpired:
            return False

    def detach(self) -> None:
        """Stop writing, and leave the ledger to its owner and its reaper."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._reaper is not None and self._reaper.stdin is None:
            _leave_alone(self._reaper)

    def _write(self, line: dict[str, Any]) -> None:
        # One write of one line to a file that is only appended to: writers do not mix.
        os.write(self._fd, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def start_reaper(file: Path, watch: Iterable[int], *, pipe: bool) -> subprocess.Popen[bytes]:
    """Start the process that empties ``file`` once one of the processes has ended.

    Args:
        file: the ledger.
        watch: process IDs.
        pipe: whether the end of this process counts too, however it comes and whatever became of its ID.
    """
    if pipe:
        return _start(file, watch, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    # A pipe whose other end the reaper holds itself never ends: only the processes count.
    read, write = os.pipe()
    try:
        return _start(file, watch, stdin=read, stdout=subprocess.DEVNULL, pass_fds=[write])
    finally:
        os.close(read)
        os.close(write)


def _start(file: Path, watch: Iterable[int], **files: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", reaper.__file__, os.fspath(file), *map(str, watch)]
    # Until it ignores them itself, which takes it some milliseconds, signals have to wait: the one that ends this
    # process may come to both.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, reaper.IGNORED)
    try:
        return subprocess.Popen(
            command,
            stderr=subprocess.DEVNULL,
            # A session of its own: what kills this process's group does not kill the reaper.
            start_new_session=True,
            cwd="/",
            **files,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_alone(process: subprocess.Popen[bytes]) -> None:
    """Let a reaper go on when its object ends; `subprocess` would warn of a child that nobody waits for."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if process.poll() is None:
        process.returncode = 0


class Left(NamedTuple):
    """One thing that a ledger says may still be there.

    Attributes:
        kind: one of ``reaper.KINDS``.
        name: what it is called on its engine.
        engine: the key of its engine, see `engine_key`.
    """

    kind: str
    name: str
    engine: str


def left(file: Path) -> list[Left]:
    """What a ledger says may still be there; nothing if there is no such ledger."""
    try:
        _, entries = reaper.read(os.fspath(file))
    except FileNotFoundError:
        return []
    return [Left(entry["kind"], entry["name"], entry["engine"]) for entry in entries]


def abandoned(folder: Path | None = None) -> Iterator[Path]:
    """The ledgers whose owner is certainly gone."""
    for file in sorted((folder or ledgers_folder()).glob(f"*{_SUFFIX}")):
        try:
            owner, _ = reaper.read(os.fspath(file))
        except FileNotFoundError:
            continue  # its own reaper was faster
        if is_dead(owner):
            yield file


def sweep(folder: Path | None = None) -> list[Path]:
    """Let what dead owners left be removed, by processes of their own; the ledgers that are being emptied."""
    found = list(abandoned(folder))
    for file in found:
        # Its standard input is at its end already: it begins at once.
        _leave_alone(_start(file, (), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
    return found
