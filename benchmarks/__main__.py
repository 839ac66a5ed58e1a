"""Runs every benchmark, or those named: ``make bench``, ``make bench ARGS="server_speed"``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MAIN = re.compile(r"^def main\(\) -> int:", re.MULTILINE)
"""What a benchmark has: it prints its figures and gives 0, or 1 where a target is missed. Other files are its parts."""


def main() -> int:
    found = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem != "__main__"}
    benchmarks = {name: path for name, path in found.items() if MAIN.search(path.read_text())}
    wanted = sys.argv[1:] or list(benchmarks)
    if unknown := [name for name in wanted if name not in benchmarks]:
        print(f"benchmarks: no {', '.join(unknown)}; there are {', '.join(benchmarks)}", file=sys.stderr)
        return 2
    missed = []
    for name in wanted:
        print(f"\n{name}", flush=True)
        if subprocess.run([sys.executable, str(benchmarks[name])], cwd=HERE.parent, check=False).returncode:
            missed.append(name)
    if missed:
        print(f"\ntargets missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
