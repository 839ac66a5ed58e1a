"""A followed log is whole, though nerdctl loses lines that it reads while they are written."""

from __future__ import annotations

import os
from pathlib import Path

from dvm_runtimes.engines.nerdctl import NerdctlProfile
from dvm_runtimes.engines.nerdctl.client import NerdctlClient
from dvm_runtimes.engines.nerdctl.local import LocalTransport
from dvm_runtimes.engines.nerdctl.logs import follow
from dvm_runtimes.operation import Operation

LIMIT = 60.0

# Which lines its log has when it is read for the first time, and for the second. What is followed loses one.
NERDCTL = r"""#!/bin/sh
line() { printf '2026-11-26T12:00:00.00000000%dZ line %d\n' "$1" "$1"; }
case " $* " in *" --follow "*) cat "$0.begin" > /dev/null; line 1; line 3; exit 0 ;; esac
line 1
if [ -e "$0.read" ]; then line 2; line 3; else touch "$0.read"; : > "$0.begin"; fi
"""


def test_what_nerdctl_loses_is_read_from_the_log(tmp_path: Path) -> None:
    program = tmp_path / "nerdctl"
    program.write_text(NERDCTL)
    program.chmod(0o755)
    os.mkfifo(f"{program}.begin")
    client = NerdctlClient(LocalTransport((str(program),)), NerdctlProfile())
    with Operation("workspace_logs", timeout=LIMIT) as op:
        assert b"".join(follow(client, op, "c", None, None)) == b"line 1\nline 2\nline 3\n"
