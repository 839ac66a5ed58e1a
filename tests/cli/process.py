"""The real ``dvm``, as its users run it: in a pipe, or in a terminal."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect

DVM = Path(sys.executable).with_name("dvm")
LIMIT = 120
"""Seconds; nothing here takes more than a few, but machines can be busy."""


@dataclass(frozen=True)
class Done:
    """What a run of ``dvm`` gave."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def words(self) -> str:
        return self.err.decode()

    @property
    def lines(self) -> list[list[str]]:
        """Standard output as rows of fields."""
        return [line.split("\t") for line in self.text.splitlines()]

    def document(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)

    def error(self) -> dict[str, Any]:
        """The error's document on standard error, with nothing on standard output."""
        assert self.out == b""
        found: dict[str, Any] = json.loads(self.err)["error"]
        return found


class Dvm:
    """A user of the command.

    Args:
        env: the whole environment.
        folder: where it is run.
    """

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self.env = {key: value for key, value in env.items() if key not in ("NO_COLOR", "DVM_APP", "DVM_WORKSPACE")}
        self.env |= {
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "TERM": "xterm",
        }
        self.folder = folder
        self.made: list[str] = []

    def __call__(self, *arguments: str, code: int = 0, stdin: bytes | None = None, **env: str) -> Done:
        """Run it to its end in a pipe; it must end with ``code``."""
        ran = subprocess.run(
            [DVM, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            cwd=self.folder,
            env={**self.env, **env},
            timeout=LIMIT,
            check=False,
        )
        done = Done(ran.returncode, ran.stdout, ran.stderr)
        assert done.code == code, f"{arguments} ended with {done.code}: {done.out!r} {done.err!r}"
        return done

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL, **options: Any) -> subprocess.Popen[bytes]:
        """Run it beside the test."""
        return subprocess.Popen(
            [DVM, *arguments],
            cwd=self.folder,
            env=self.env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    @contextlib.contextmanager
    def terminal(self, *arguments: str, size: tuple[int, int] = (30, 120), **env: str) -> Iterator[pexpect.spawn[str]]:
        """Run it in a terminal of that many rows and columns."""
        child: pexpect.spawn[str] = pexpect.spawn(
            str(DVM),
            list(arguments),
            cwd=str(self.folder),
            env={**self.env, **env},
            dimensions=size,
            timeout=LIMIT,
            encoding="utf-8",
        )
        try:
            yield child
        finally:
            child.close(force=True)

    def shown(self, *arguments: str, code: int = 0, **env: Any) -> str:
        """What it shows in a terminal until it ends."""
        with self.terminal(*arguments, **env) as child:
            child.expect(pexpect.EOF)
            child.wait()
            text = child.before
            assert child.exitstatus == code, text
        assert isinstance(text, str)
        return text

    def name(self) -> str:
        """A name that no other workspace has; what it names is removed at the end."""
        name = f"cli-{uuid.uuid4().hex[:10]}"
        self.made.append(name)
        return name
