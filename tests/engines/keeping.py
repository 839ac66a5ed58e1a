"""The test run's side of ``keeper.py``: what to keep, and the words to tell it."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import namespaces
from .bridges import Bridge

KEEPER = Path(__file__).with_name("keeper.py")
WORD_LIMIT = 180.0
"""Seconds for one word to the keeper; it has limits of its own below that."""


class EngineStartError(Exception):
    """An engine that should have started did not; the message ends with its log."""


@dataclass(frozen=True)
class Process:
    """One process of an engine.

    Attributes:
        argv: the command.
        ready: ``("http", SOCKET)``, ``("socket", PATH)`` or ``("tcp", "ADDRESS:PORT")``.
        env: variables besides those of the test run.
    """

    argv: tuple[str, ...]
    ready: tuple[str, str]
    env: Mapping[str, str] = field(default_factory=dict)


def new_folder() -> Path:
    """A folder for one engine. Its path is short, for a socket's path may have 107 bytes."""
    parent = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="dvm-engine-", dir=parent if len(parent) < 40 else "/tmp"))


def overlay(folder: Path, path: str) -> Path:
    """Where the engine's own files of an overlaid folder are; made if it is not there."""
    made = folder / "overlay" / path.strip("/").replace("/", "-") / "upper"
    made.mkdir(parents=True, exist_ok=True)
    return made


class Kept:
    """The processes of one engine, kept by a keeper until `end`, or until this process ends.

    Args:
        folder: from `new_folder`; everything of the engine is in it, and it is deleted with it.
        processes: in the order in which they are started.
        private: folders of this machine that the engine must not see or write; it gets empty ones.
        overlaid: folders of this machine that the engine sees, but what it writes there is its own alone: it goes
            to `overlay`, where files can be put beforehand.
        opened: device files that every user of the engine's may open, though not on this machine.
        bridge: its network bridge, which is removed with it.
    """

    def __init__(
        self,
        folder: Path,
        processes: list[Process],
        private: tuple[str, ...] = (),
        *,
        overlaid: tuple[str, ...] = (),
        opened: tuple[str, ...] = (),
        bridge: Bridge | None = None,
    ) -> None:
        if not namespaces.inside():
            raise EngineStartError("an engine's bridges, rules and mounts would be this machine's: it is not started")
        self.folder = folder
        # A worker of pytest-xdist must not outlive the run that started it, nor must its engines.
        watch = [os.getpid(), *([os.getppid()] if "PYTEST_XDIST_WORKER" in os.environ else [])]
        keep = {
            "watch": watch,
            "private": private,
            "overlaid": overlaid,
            "opened": opened,
            "bridge": bridge and {"name": bridge.name, "pool": bridge.pool},
            "processes": [asdict(one) for one in processes],
        }
        for path in overlaid:
            overlay(folder, path)
        (folder / "keep.json").write_text(json.dumps(keep))
        log = folder / "keeper.log"
        with log.open("wb") as errors:
            self._keeper = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "slave", sys.executable, "-I", str(KEEPER), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                # The tests' own is none of an engine's, which may be another user's, or in another mount namespace.
                env={name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"},
                start_new_session=True,  # Ctrl-C is for the test run; the keeper hears of it from there
            )
        assert self._keeper.stdout is not None
        with self._keeper.stdout as output:
            answered, _, _ = select.select([output], [], [], WORD_LIMIT)
            word = output.readline() if answered else b""
        if word != b"ready\n":
            self._keeper.kill()
            self._keeper.wait()
            said = log.read_text(errors="replace") if log.exists() else ""
            shutil.rmtree(folder, ignore_errors=True)
            raise EngineStartError(f"the keeper did not start: {said}")

    @property
    def pid(self) -> int:
        """The keeper's."""
        return self._keeper.pid

    def start(self) -> list[int]:
        """Start what does not run; the ids of the processes."""
        return self._tell("start")

    def stop(self) -> None:
        """Shut the engine down as its machine would."""
        self._tell("stop")

    def kill(self) -> None:
        """SIGKILL to the engine; its containers stay."""
        self._tell("kill")

    def end(self) -> None:
        """End every process and remove every trace."""
        if self._keeper.poll() is None:
            self._tell("end")
        self._keeper.wait(WORD_LIMIT)

    def _tell(self, word: str) -> list[int]:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(WORD_LIMIT)
            control.connect(str(self.folder / "control"))
            control.sendall(word.encode())
            answer = json.loads(control.makefile("rb").read())
        if "error" in answer:
            raise EngineStartError(answer["error"])
        pids: list[int] = answer["pids"]
        return pids
