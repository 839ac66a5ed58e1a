"""A project of tests in a folder, run by a pytest of its own."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.cleanup.ledger import Left, left

LIMIT = 150.0
"""Seconds that a run may take on a slow machine."""

_INI = """
[pytest]
# Hypothesis and pytest-lsp, which are here for other tests, take three times as long to load as all the rest.
addopts = -p no:cacheprovider --disable-plugin-autoload -p dvm -p xdist -p asyncio
asyncio_default_fixture_loop_scope = function
"""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    output: str

    def counts(self) -> dict[str, int]:
        """The last line's numbers, as in ``{"passed": 3, "failed": 1}``."""
        last = [line for line in self.output.splitlines() if re.search(r" in \d+\.\d+s", line)][-1]
        return {
            word.rstrip("s") if word == "errors" else word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+)", last)
        }


class Project:
    """One project.

    Args:
        folder: where it is.
        env: the environment of its runs.
        runtime, image: what its runs use unless told otherwise.
    """

    limit = LIMIT
    """Seconds that one of its runs may take."""

    def __init__(self, folder: Path, env: Mapping[str, str], runtime: str, image: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        inherited = {key: value for key, value in env.items() if not key.startswith(("PYTEST_", "PYTHONUNBUFFERED"))}
        self.env = {**inherited, "XDG_STATE_HOME": str(self.state), "XDG_CONFIG_HOME": str(folder / "config")}
        self.runtime = runtime
        self.image = image
        self.write("pytest.ini", _INI)

    @property
    def ledgers(self) -> Path:
        return self.state / "dvm" / "ledgers"

    def ledgers_left(self) -> list[str]:
        """The ledgers that nobody has emptied."""
        return [file.name for file in self.ledgers.iterdir()] if self.ledgers.is_dir() else []

    def things_left(self) -> list[Left]:
        """What ledgers say may still be there."""
        return [thing for name in self.ledgers_left() for thing in left(self.ledgers / name)]

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def command(self, *arguments: str) -> list[str]:
        options = [f"--dvm-runtime={self.runtime}", f"--dvm-image={self.image}"]
        return [sys.executable, "-m", "pytest", *(option for option in options if not option.endswith("=")), *arguments]

    def run(self, *arguments: str, **env: str) -> Outcome:
        """Run its tests to the end."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=self.limit,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A run under way; what it prints is on its ``stdout``. It is killed if it has not ended by itself."""
        process = subprocess.Popen(
            self.command("-s", *arguments),
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        assert process.stdout is not None
        with process.stdout:
            try:
                yield process
            finally:
                process.kill()
                process.wait(LIMIT)

    def wait_for_reapers(self) -> None:
        """Wait until every process that looks after a ledger of this project has ended."""
        for pid in list(self.reapers()):
            try:
                end = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                ended, _, _ = select.select([end], [], [], LIMIT)
                assert ended, f"the reaper {pid} goes on for ever"
            finally:
                os.close(end)

    def reapers(self) -> Iterator[int]:
        """The processes that look after a ledger of this project."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue  # it has ended meanwhile
                if os.fsencode(self.ledgers) in b" ".join(words) and any(word.endswith(b"reaper.py") for word in words):
                    yield int(entry.name)


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What the run printed up to the line that has ``word``."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if word in line:
            return text
    raise AssertionError(f"the run ended without {word!r}:\n{text}")
