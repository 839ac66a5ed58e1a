"""pytest-dvm beside its peers: a session of 8 tests with one container, and one with a fresh container for each test.

Whole runs of pytest on a Docker engine of the tests' own, in turns, each with nothing but its own plugin. Targets:
faster than the best peer in the first, at least 5 times as fast as the best in the second. What each test takes more is
told besides, for the first workspace of a run takes as long as a peer's, and weighs the more the fewer tests there are.
`python benchmarks/pytest_peers.py [ROUNDS] [TESTS]`; the short sessions are run four times as often. It ends with 1
if a target is missed.
"""

from __future__ import annotations

import functools
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.pytest_subjects import Subject

ROOT = Path(__file__).resolve().parents[1]
PEERS = ("testcontainers==4.15.0", "pytest-docker-tools==3.1.10", "pytest-databases==0.19.0", "pytest==9.2.0")
HOME = ROOT / ".venv" / "benchmarks" / "pytest-peers"
SESSION_TESTS = 8
MORE = 4
FRESH_TESTS = 100
FEW_TESTS = 10
TARGETS = {"session": 1.0, "each": 5.0}
LIMIT = 600


def main() -> int:
    sys.path.insert(0, str(ROOT))
    from benchmarks.pytest_subjects import subjects
    from tests.engines.registry import every_kind

    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    fresh = int(sys.argv[2]) if len(sys.argv) > 2 else FRESH_TESTS
    python = environment()
    engine = every_kind()["docker"].start()
    try:
        env = {**engine.environment(), "TESTCONTAINERS_RYUK_DISABLED": "true", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        measure = functools.partial(sessions, python, subjects(engine.image), env)
        measure("session", 1, rounds=1)  # bytecode that is not there yet, and whatever the engine does but once
        # They take but a second, which a busy moment makes one and a half: so there are more of them.
        missed = report("session", SESSION_TESTS, measure("session", SESSION_TESTS, rounds=rounds * MORE))
        many, few = measure("each", fresh, rounds=rounds), measure("each", FEW_TESTS, rounds=rounds)
        missed |= report("each", fresh, many)
        print("  each further test, in milliseconds:")
        for name in many:
            more = (statistics.median(many[name]) - statistics.median(few[name])) / (fresh - FEW_TESTS)
            print(f"  {name:22} {more * 1000:7.0f}")
    finally:
        engine.end()
    return 1 if missed else 0


def sessions(
    python: str, found: list[Subject], env: dict[str, str], kind: str, count: int, *, rounds: int
) -> dict[str, list[float]]:
    """Seconds of whole runs of so many tests, by subject; the subjects take turns."""
    times: dict[str, list[float]] = {one.name: [] for one in found}
    for _ in range(rounds):
        for one in found:
            with tempfile.TemporaryDirectory(prefix="dvm-bench-") as folder:
                Path(folder, "conftest.py").write_text(one.each if kind == "each" else one.session)
                Path(folder, "test_it.py").write_text(one.tests(kind, count))
                plugin = ["-p", one.plugin] if one.plugin else []
                command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *one.options]
                times[one.name].append(timed(command, folder, env))
    return times


def environment() -> str:
    """The interpreter of an environment of the benchmark's own, with the peers and this checkout in it."""
    python = HOME / "bin" / "python"
    if not (HOME / "complete").exists():
        venv.create(HOME, clear=True, with_pip=True)
        ours = [arg for part in ("runtimes", "pytest_dvm") for arg in ("-e", str(ROOT / part))]
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *PEERS, *ours], check=True, timeout=LIMIT)
        (HOME / "complete").touch()
    return str(python)


def timed(command: list[str], folder: str, env: dict[str, str]) -> float:
    """Seconds that a run takes; its tests must pass."""
    # An installed package has its bytecode beside it; that of this checkout is kept with the environment.
    state = {"XDG_STATE_HOME": folder, "PYTHONPYCACHEPREFIX": str(HOME / "pycache"), "PYTHONDONTWRITEBYTECODE": ""}
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env={**env, **state}, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return seconds


def report(kind: str, count: int, times: dict[str, list[float]]) -> bool:
    """Print the figures; whether the target was missed."""
    what = "a fresh container for each test" if kind == "each" else "one container for all"
    print(f"\n{count} tests, {what}: seconds of the whole run, median (best to worst)")
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, found in times.items():
        print(f"  {name:22} {medians[name]:7.2f}  ({min(found):.2f} to {max(found):.2f})")
    ours, *peers = medians.values()
    ratio = min(peers) / ours
    print(f"  the best peer takes {ratio:.2f} times as long (target: more than {TARGETS[kind]:g})")
    return ratio < TARGETS[kind]


if __name__ == "__main__":
    sys.exit(main())
