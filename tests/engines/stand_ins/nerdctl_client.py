"""How the stand-in of nerdctl asks Docker, and says what it has to say."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import NoReturn

from tests.engines.stand_ins import nerdctl_forms as forms

socket = ""
"""Of the Docker Engine; one process serves one command."""


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
    return ["docker", "--host", f"unix://{socket}", *words]


def ask(*words: str) -> str:
    """What Docker's client answers; its error in nerdctl's words ends this program."""
    done = subprocess.run(docker(*words), close_fds=False, capture_output=True, check=False)
    if done.returncode:
        fatal(forms.translate(done.stderr.decode(errors="replace"), words))
    return done.stdout.decode(errors="replace")
