"""The stand-in of colima passes words on and flattens exit codes as the real one did, step by step."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from tests.containerd.recorded import FOLDER, Step, read
from tests.engines.registry import RunningEngine

LIMIT = 120.0

# Colima's own usage text, what it traces, the processes of its guest, and words that limactl and bash take for flags
# of their own: nothing that DVM ever says.
ELSEWHERE = (
    *("flag without --", "verbose", "no command", "-- -- --", "leading dash", "looks like a limactl flag"),
    "what the remote shell is asked to run",
)


def steps() -> list[Step]:
    found = [step for name in ("01-exit", "02-args") for step in read(FOLDER / "colima" / f"{name}.jsonl")]
    return [
        step
        for step in found
        if step["argv"][0] == "colima"
        and all((isinstance(word, str) and word.isprintable()) or word in ("\n", "\t") for word in step["argv"])
        and not any(words in step["step"] for words in ELSEWHERE)
    ]


def test_there_is_enough_to_compare() -> None:
    assert len(steps()) > 45


@pytest.mark.parametrize("step", steps(), ids=lambda step: step["step"].partition("/")[2])
def test_it_answers_as_the_real_one(engine: RunningEngine, step: Step) -> None:
    done = subprocess.run(
        step["argv"],
        env={**engine.environment(), **step.get("env", {})},
        executable=f"{engine.folder}/bin/colima",
        input=(step.get("stdin") or "").encode(),
        capture_output=True,
        timeout=LIMIT,
        cwd="/",
        check=False,
    )
    assert done.returncode == step["exit"]
    assert os.fsdecode(done.stdout) == step["stdout"]
    assert without_times(done.stderr.decode()) == without_times(step["stderr"])


def without_times(text: str) -> str:
    return re.sub(r'time="[^"]*"', "", text)
