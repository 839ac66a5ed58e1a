"""What maintainers and machines are told to run exists, and the API reference is complete."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("*/README.md"),
    *ROOT.glob(".github/**/*.*"),
    ROOT / ".pre-commit-config.yaml",
    ROOT / ".ci" / "run",
]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
PUBLIC = ["dvm_runtimes", "dvm_runtimes.plugins", "dvm_runtimes.testing", "pytest_dvm"]


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def asked_for(text: str) -> set[str]:
    """The targets of every `make` command in a text: in backquotes, after a prompt, or as a step of a file."""
    commands = re.findall(r"(?:`|^\$ |run: |entry: |^)make((?: [a-z][a-z-]*)+)", text, re.MULTILINE)
    return {target for command in commands for target in command.split()}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_exists(guide: Path) -> None:
    assert asked_for(guide.read_text()) - targets() == set()


def test_targets_are_found() -> None:
    assert asked_for((ROOT / "CONTRIBUTING.md").read_text()) >= {"setup", "lint", "test", "release-check"}
    assert asked_for((ROOT / ".github/workflows/ci.yml").read_text()) >= {"lint", "test", "vscode-test"}


def test_no_target_is_mistaken_for_a_file() -> None:
    """A target that is the name of a folder, as docs is, would never be run."""
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == targets()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_build_with_make_alone(workflow: Path) -> None:
    """Whatever a workflow runs, but for publishing, can be run here."""
    commands = re.findall(r"run: (.+)$", workflow.read_text(), re.MULTILINE)
    assert commands
    assert [command for command in commands if not command.startswith(("make ", "gh release create "))] == []


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    page = (ROOT / "docs" / "api" / f"{module.removeprefix('dvm_runtimes.')}.md").read_text()
    if "no-members" not in page:
        return  # All of them are.
    names = importlib.import_module(module).__all__
    assert [name for name in names if not re.search(rf"(?:^   |:: ){name}$", page, re.MULTILINE)] == []
