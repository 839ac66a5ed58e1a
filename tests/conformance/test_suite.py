"""The conformance suite itself: as its own page says, and on an engine that can do little."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import dvm_runtimes.testing
from dvm_runtimes.testing.case import ConformanceCase

POOR = """
import dataclasses
import pytest
from dvm_runtimes.infos import Capabilities
from dvm_runtimes.engines.mock import MockEngine
from dvm_runtimes.testing import TestBuild, TestConfinement, TestDrift, TestMount, TestPort, TestStatus
from dvm_runtimes.testing.mock import mock_subject

NAMES = [field.name for field in dataclasses.fields(Capabilities) if field.name not in ("reasons", "user")]
POOR = Capabilities(**dict.fromkeys(NAMES, False), reasons=dict.fromkeys(NAMES, "this one is poor"))

@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, mock_subject(tmp_path_factory.mktemp("host")) as subject:
        patch.setattr(MockEngine, "capabilities", POOR)
        yield subject
"""


def run(folder: Path, text: str, *options: str) -> str:
    """What pytest says of a test module."""
    (folder / "test_it.py").write_text(text)
    # Other plugins that are installed here have warnings of their own.
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-W", "error", "-p", "no:asyncio", *options, "test_it.py"]
    environment = {**os.environ, "COLUMNS": "200"}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=170
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_example_works(tmp_path: Path) -> None:
    page = inspect.getdoc(dvm_runtimes.testing)
    assert page is not None
    example = textwrap.dedent("\n".join(line for line in page.splitlines() if line.startswith("    ")))
    assert "1 passed" in run(tmp_path, example, "-k", "TestStatus and test_status_over_a_life")


def test_what_an_engine_cannot_do_is_skipped_with_its_reason(tmp_path: Path) -> None:
    said = run(tmp_path, POOR)
    assert "this one is poor" in said
    assert "passed" in said
    assert "failed" not in said


def test_every_part_is_in_the_one_import() -> None:
    folder = Path(dvm_runtimes.testing.__file__).parent
    for path in folder.glob("*.py"):
        if path.stem not in ("__init__", "mock"):
            __import__(f"dvm_runtimes.testing.{path.stem}")
    offered = {getattr(dvm_runtimes.testing, name) for name in dvm_runtimes.testing.__all__}
    assert set(ConformanceCase.__subclasses__()) <= offered
