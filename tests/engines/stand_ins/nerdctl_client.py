"""How the stand-in of nerdctl asks Docker, and says what it has to say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, NoReturn

from tests.engines.stand_ins import nerdctl_forms as forms

socket = ""
"""Of the Docker Engine; one process serves one command."""

namespace = ""
"""Of containerd, as nerdctl's flag names it."""


def say(level: str, text: str, **fields: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    more = "".join(f" {name}={json.dumps(value)}" for name, value in fields.items())
    print(f'time="{now}" level={level} msg={json.dumps(text, ensure_ascii=False)}{more}', file=sys.stderr)


def fatal(text: str) -> NoReturn:
    sys.stdout.flush()
    say("fatal", text)
    sys.exit(1)


def docker(*words: str) -> list[str]:
    """Docker's client; run it with every descriptor that this program has, one may be a file of variables."""
    # It writes to its folder of settings when it builds: not to the user's own.
    return ["docker", "--config", f"{os.path.dirname(socket)}/client", "--host", f"unix://{socket}", *words]


def ask(*words: str) -> str:
    """What Docker's client answers; its error in nerdctl's words ends this program."""
    done = subprocess.run(docker(*words), close_fds=False, capture_output=True, check=False)
    if done.returncode:
        fatal(forms.translate(done.stderr.decode(errors="replace"), words))
    return done.stdout.decode(errors="replace")


def pass_on_lines(argv: list[str], form: Callable[[bytes], bytes]) -> int:
    """Run a command, and write each line of its two streams in another form; its exit code."""
    # Where both are one here, they are one there too: only Docker knows the order in which they were written.
    merged = os.path.sameopenfile(1, 2)
    errors = subprocess.STDOUT if merged else subprocess.PIPE
    child = subprocess.Popen(argv, close_fds=False, stdout=subprocess.PIPE, stderr=errors)
    whole_line = threading.Lock()

    def pass_on(source: IO[bytes], target: IO[bytes]) -> None:
        for line in source:
            with whole_line:
                target.write(form(line))
                target.flush()

    assert child.stdout is not None
    if child.stderr is None:
        pass_on(child.stdout, sys.stdout.buffer)
        return child.wait()
    other = threading.Thread(target=pass_on, args=(child.stderr, sys.stderr.buffer))
    other.start()
    pass_on(child.stdout, sys.stdout.buffer)
    other.join()
    return child.wait()
