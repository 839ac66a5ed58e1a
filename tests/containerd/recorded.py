"""What real programs answered, step by step: each line of a recording is one command."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings"
NERDCTL_VERSIONS = ("1.7.7", "2.0.5", "2.1.6", "2.3.5")

Step = dict[str, Any]


@functools.cache
def nerdctl(version: str) -> dict[str, Step]:
    """Each step of one nerdctl by its name."""
    return {step["step"]: step for step in read(FOLDER / "nerdctl" / f"{version}.jsonl")}


def read(path: Path) -> list[Step]:
    """Every step of one file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
