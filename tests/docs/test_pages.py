"""What the pages for users show is true: their examples run, and their links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.http_over_socket import ask

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

ROOT = Path(__file__).parents[2]
LIMIT = 170
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
IMAGE = "debian:12"
"""What the pages call the image of their examples; here it is the tests' own."""


def examples(page: str, language: str) -> str:
    """The code blocks of a page in that language, as one text whose lines have the page's numbers."""
    text, program = (ROOT / page).read_text(), ""
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        program += "\n" * (text.count("\n", 0, match.start(1)) - program.count("\n")) + match[1]
    return program


def commands(page: str) -> str:
    """What a page's reader is to type, but for the installation."""
    lines = examples(page, "console").split("\n")
    return "\n".join(line[2:] if line.startswith("$ ") and " install " not in line else "" for line in lines)


def workspaces_of(engine: RunningEngine) -> set[str]:
    """The names of every workspace that the engine has."""
    mine = json.dumps({"label": ["io.devopsmaestro.managed=true"]})
    found = ask(engine.endpoint.removeprefix("unix://"), "GET", "/containers/json", all="true", filters=mine)
    return {name for one in found for name in one["Names"]}


@pytest.fixture
def run(docker_engine: RunningEngine, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Runs a program in the examples' folder, on an engine that has their image; it must end well."""
    docker_engine.outside.retag(docker_engine.image, IMAGE)
    work = tmp_path / "work"
    (work / "shop").mkdir(parents=True)
    (work / "shop" / "main.py").write_text("print('sold')\n")
    environment = {
        **docker_engine.environment(),
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVM_RUNTIME": "docker",
    }
    before = workspaces_of(docker_engine)

    def run(*argv: str, folder: str = ".") -> str:
        place = work / folder
        done = subprocess.run(
            argv, cwd=place, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield run
    left = workspaces_of(docker_engine) - before
    for name in left:
        docker_engine.outside.remove(name.removeprefix("/"))
    ask(docker_engine.endpoint.removeprefix("unix://"), "DELETE", f"/images/{IMAGE}")
    assert left == set(), "the examples leave workspaces behind"


@pytest.mark.parametrize("page", ["docs/library.md", "runtimes/README.md"])
def test_python_examples_run_in_order(run: Callable[..., str], page: str) -> None:
    program = examples(page, "python")
    assert program
    run(sys.executable, "-W", "error", "-c", program)


def test_commands_run_in_order(run: Callable[..., str]) -> None:
    said = run("sh", "-e", "-u", "-c", commands("docs/cli.md"), folder="shop")
    assert "the command's own exit code: 7" in said
    assert "main.py" in said
    assert "\nhello\n" in said
    assert "\nbuilt\n" in said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    here = [target for target in targets if "://" not in target]
    assert [target for target in here if not (page.parent / target).exists()] == []


def test_every_command_is_on_its_page() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "dvm_runtimes.cli", "--help"], capture_output=True, text=True, timeout=LIMIT, check=True
    ).stdout
    names = re.findall(r"^  ([a-z]+) {2,}[A-Z]", listed, re.MULTILINE)
    assert len(names) > 10
    page = (ROOT / "docs/cli.md").read_text()
    assert [name for name in names if f"dvm {name}" not in page and f"`{name}`" not in page] == []
