"""What was left out and what was run again is in the tables at the end of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 120

TESTS = """
import os
import pathlib
import pytest

def test_works_the_second_time():
    mark = pathlib.Path(os.environ["TMPDIR"], "mark")
    there = mark.exists()
    mark.touch()
    assert there

def test_never_works():
    raise AssertionError

@pytest.mark.long("it takes an hour")
def test_long():
    raise AssertionError

@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_on(kind):
    pytest.skip(f"engine {kind}: only root can start it")
"""


def test_two_runs_have_the_tables_of_one(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part/test_it.py").write_text(TESTS)
    options = [
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
        "-p",
        "tests.engines.selection",
        "-p",
        "tests.engines.summary",
    ]
    run = subprocess.run(
        [
            ROOT / "scripts/tests-once-more",
            sys.executable,
            "-m",
            "pytest",
            *options,
            "-n",
            "2",
            str(tmp_path),
        ],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    _, _, tables = run.stdout.partition("Once more, one at a time")
    told = [" ".join(line.split()) for line in tables.splitlines()]
    assert "2 tests docker, podman: only root can start it" in told
    assert "1 test `make test-all` runs it: it takes an hour" in told
    assert "docker not to be had all 1 0 0 1" in told
    assert [line for line in told if line.startswith(("passed: ", "failed: "))] == [
        "failed: part/test_it.py::test_never_works",
        "passed: part/test_it.py::test_works_the_second_time",
    ]
