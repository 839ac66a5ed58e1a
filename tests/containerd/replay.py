"""Running recorded commands again, on a program that stands in for the recorded one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from dvm_runtimes.engines.nerdctl.logrus import parse_messages, reason

from .recorded import Step

LIMIT = 60.0


def again(program: Sequence[str], step: Step, substitutes: dict[str, str]) -> Step:
    """The same step on ``program``: its words and input, with what is called otherwise there."""

    def substituted(text: str) -> str:
        for recorded, here in substitutes.items():
            text = text.replace(recorded, here)
        return text

    done = subprocess.run(
        [*program, *map(substituted, step["argv"][1:])],
        input=substituted(step.get("stdin") or "").encode(),
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    return {
        "step": step["step"],
        "rc": done.returncode,
        "stdout": done.stdout.decode(errors="replace"),
        "stderr": done.stderr.decode(errors="replace"),
    }


def manner(step: Step) -> tuple[int, str, str]:
    """What DVM goes by: the exit code, the kind of the last message, and its words without IDs and times."""
    said = parse_messages(step["stderr"] or "")
    last = said[-1].level if said and step["rc"] else ""
    words = reason(step["stderr"]) if last else ""
    return step["rc"], last, plain(words)


def plain(text: str) -> str:
    """Words without what differs from run to run."""
    return re.sub(r"\b[0-9a-f]{12,64}\b", "ID", text)
