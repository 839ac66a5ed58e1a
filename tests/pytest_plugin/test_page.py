"""What the page for users of the plugin shows is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.http_over_socket import ask

from dvm_runtimes.options import StartOptions
from pytest_dvm.request import KEYWORDS

from .conftest import Left
from .project import Project

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pytest.md").read_text()
IMAGE = "debian:12"
"""What the pages call the image of their examples; here it is the tests' own."""


@pytest.fixture
def image(docker_engine: RunningEngine) -> Iterator[None]:
    docker_engine.outside.retag(docker_engine.image, IMAGE)
    yield
    ask(docker_engine.endpoint.removeprefix("unix://"), "DELETE", f"/images/{IMAGE}")


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("page", ["docs/pytest.md", "pytest_dvm/README.md"])
def test_the_examples_run(docker_project: Project, left: Left, page: str) -> None:
    docker_project.image = ""
    examples = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert examples
    for number, example in enumerate(examples):
        docker_project.write(f"test_{number}.py", example)

    outcome = docker_project.run()

    assert set(outcome.counts()) == {"passed"}, outcome.output
    assert outcome.counts()["passed"] >= len(examples)
    assert left.everything() == []


def test_every_option_and_keyword_of_the_tables_is_there(project: Project) -> None:
    told = project.run("--help").output
    for option, setting in re.findall(r"^\| `(--dvm-\w+)`, `(dvm_\w+)` \|", PAGE, re.MULTILINE):
        assert option in told
        assert setting in told
    for keyword in ("image", "build", "env", "files", "ports", "mounts", "ready", "command", "memory"):
        assert keyword in KEYWORDS
    assert {"uid", "read_only_root"} <= set(StartOptions.__dataclass_fields__)
