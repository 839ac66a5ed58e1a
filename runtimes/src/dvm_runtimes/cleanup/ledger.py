"""Ledgers: files that list the engine resources of a process, so that they are removed when it ends.

A resource is recorded before it is created. A small process, `reaper.py`,
holds the other end of a pipe and removes the resources in the ledger when
this process ends, by SIGKILL too. What it could not remove, because the
engine was down or the machine lost power, is removed by `sweep`, which the
next run calls, and by ``dvm gc``.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from dvm_runtimes.errors import DvmError
from dvm_runtimes.user.folders import state_folder

from . import reaper
from .ownership import current_owner, is_dead

_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
_SUFFIX = ".ledger"
_END_LIMIT = 5.0
"""Seconds to wait for a killed reaper."""


def ledgers_folder() -> Path:
    """The folder of ledgers, as in ``~/.local/state/dvm/ledgers``: on a disk, to survive a power cut."""
    return state_folder() / "ledgers"


def engine_key(runtime: Removable) -> str:
    """The name of an engine in ledgers, as in ``"docker unix:///var/run/docker.sock"``."""
    return f"{runtime.platform_type} {runtime.endpoint}"


class Removable(Protocol):
    """An engine or a runtime, as ledgers know it."""

    @property
    def platform_type(self) -> str:
        """The public runtime name."""

    @property
    def endpoint(self) -> str:
        """Where the engine listens."""

    def removal(self) -> Mapping[str, Any]:
        """How another program removes resources of the engine."""


class Ledger:
    """The ledger of one owner, and its reaper.

    Several processes may write to one ledger, each through its own object:
    each line is appended in one write.

    Args:
        file: the ledger; default a new one in `ledgers_folder`.
        owner: the process whose end removes the resources; default this process.
        watch: process IDs whose end counts as the owner's; default this process.
        pipe: whether the end of a pipe from this process counts too. False if the owner is another process.

    Raises:
        DvmError: the ledger cannot be written.

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
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._engines: set[str] = set()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._handed_over = False
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.file, _APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            # Another process has created it and started its reaper.
            self._fd = os.open(self.file, _APPEND)
            return
        except OSError as error:
            raise DvmError(
                f"the list of what is to be removed cannot be written to {self.file}: {error.strerror}",
                hint="Set XDG_STATE_HOME to a folder that you may write to.",
            ) from None
        self._write({"ledger": 1, "owner": owner or current_owner()})
        self._reaper = start_reaper(self.file, [os.getpid()] if watch is None else watch, pipe=pipe)

    def engine(self, runtime: Removable) -> str:
        """Record how resources of this engine are removed; returns the engine's key for the other methods."""
        key = engine_key(runtime)
        with self._lock:
            if key in self._engines:
                return key
            self._engines.add(key)
        self._write({"engine": key, "removal": dict(runtime.removal())})
        return key

    def plan(self, kind: str, name: str, engine: str) -> None:
        """Record that ``name`` is about to be created; ``kind`` is one of ``reaper.KINDS``."""
        self._write({"plan": name, "kind": kind, "engine": engine})

    def made(self, kind: str, name: str, engine: str) -> None:
        """Record that ``name`` has been created."""
        self._write({"made": name, "kind": kind, "engine": engine})

    def gone(self, kind: str, name: str, engine: str) -> None:
        """Record that ``name`` has been removed or is to be kept."""
        self._write({"gone": name, "kind": kind, "engine": engine})

    def note(self, text: str) -> None:
        """Record a note for the other processes that write to this ledger; see `noted`."""
        self._write({"note": text})

    def noted(self) -> str | None:
        """The first note; None if there is none."""
        with self.file.open(encoding="utf-8") as lines:
            notes = [json.loads(line)["note"] for line in lines if line.startswith('{"note":')]
        return str(notes[0]) if notes else None

    def hand_over(self) -> None:
        """Let the reaper remove everything in the background. `close` waits for it.

        Nothing may be recorded after this.
        """
        if self._reaper is not None and self._reaper.stdin is not None and os.getpid() == self._pid:
            self._handed_over = True
            with contextlib.suppress(BrokenPipeError):  # the reaper was killed: `close` does its work
                self._reaper.stdin.write(reaper.DONE)
                self._reaper.stdin.close()

    def close(self) -> bool:
        """Remove every resource, end the reaper and delete the ledger; returns whether everything was removed."""
        if self._fd < 0:
            return True
        if os.getpid() != self._pid:
            self.detach()
            return False  # a fork: the resources are the parent's
        done = self._reaper_is_done() or reaper.reap(os.fspath(self.file), in_flight=0.0)
        os.close(self._fd)
        self._fd = -1
        if self._reaper is not None:
            if done:
                self._reaper.kill()  # it has nothing left to do, and would notice only later
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._reaper.wait(_END_LIMIT)
            _disown(self._reaper)  # else it goes on trying
        return done

    def _reaper_is_done(self) -> bool:
        if not self._handed_over or self._reaper is None or self._reaper.stdout is None:
            return False
        # `Popen.wait` with a limit polls; the end of the reaper's stdout is reported at once.
        with (
            self._reaper.stdout as output,
            selectors.DefaultSelector() as selector,
        ):  # select(2) ends at descriptor 1023
            selector.register(output, selectors.EVENT_READ)
            selector.select(reaper.LIMIT)
        try:
            return self._reaper.wait(_END_LIMIT) == 0
        except subprocess.TimeoutExpired:
            return False

    def leave(self) -> None:
        """Let the reaper remove everything in the background, without waiting. Nothing may be recorded after this."""
        self.hand_over()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._reaper is not None:
            _disown(self._reaper)

    def detach(self) -> None:
        """Stop writing and leave the ledger to its owner and its reaper."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._reaper is not None and self._reaper.stdin is None:
            _disown(self._reaper)

    def _write(self, line: dict[str, Any]) -> None:
        # One write per line in append mode: lines of several writers do not mix.
        os.write(self._fd, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def start_reaper(file: Path, watch: Iterable[int], *, pipe: bool) -> subprocess.Popen[bytes]:
    """Start the reaper of ``file``, which works once one of the processes has ended.

    Args:
        file: the ledger.
        watch: process IDs.
        pipe: whether the end of this process counts too, detected by a pipe.
    """
    if pipe:
        return _start(file, watch, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    # The reaper holds the other end itself, so the pipe never ends.
    read, write = os.pipe()
    try:
        return _start(file, watch, stdin=read, stdout=subprocess.DEVNULL, pass_fds=[write])
    finally:
        os.close(read)
        os.close(write)


def _start(file: Path, watch: Iterable[int], **files: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", reaper.__file__, os.fspath(file), *map(str, watch)]
    # Signals are blocked until the reaper ignores them itself: the signal that ends this process may reach both.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, reaper.IGNORED)
    try:
        return subprocess.Popen(
            command,
            stderr=subprocess.DEVNULL,
            # A separate session, so that killing this process group does not kill the reaper.
            start_new_session=True,
            cwd="/",
            **files,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _disown(process: subprocess.Popen[bytes]) -> None:
    """Keep `subprocess` from warning about a reaper that runs on without its object."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if process.poll() is None:
        process.returncode = 0


class Left(NamedTuple):
    """A resource in a ledger that may still exist.

    Attributes:
        kind: one of ``reaper.KINDS``.
        name: its name on the engine.
        engine: the engine's key, see `engine_key`.
    """

    kind: str
    name: str
    engine: str


def left(file: Path) -> list[Left]:
    """The resources in a ledger that may still exist; none if there is no such ledger."""
    try:
        _, entries = reaper.read(os.fspath(file))
    except FileNotFoundError:
        return []
    return [Left(entry["kind"], entry["name"], entry["engine"]) for entry in entries]


def abandoned(folder: Path | None = None) -> Iterator[Path]:
    """The ledgers whose owner is gone for certain."""
    for file in sorted((folder or ledgers_folder()).glob(f"*{_SUFFIX}")):
        try:
            owner, _ = reaper.read(os.fspath(file))
        except FileNotFoundError:
            continue  # its reaper has just deleted it
        if is_dead(owner):
            yield file


def sweep(folder: Path | None = None) -> list[Path]:
    """Start a reaper for each ledger whose owner is gone; returns these ledgers."""
    found = list(abandoned(folder))
    for file in found:
        # With its stdin at its end, the reaper starts at once.
        _disown(_start(file, (), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
    return found
