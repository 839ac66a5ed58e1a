"""The built wheels, in an empty environment, serve a project that knows nothing of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines import namespaces
from tests.engines.docker_outside import DockerOutside
from tests.engines.nerdctl_outside import NerdctlOutside

from .project import LIMIT, Project

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine

ROOT = Path(__file__).parents[2]
PARTS = ("runtimes", "pytest_dvm")


def ask(*argv: str, cwd: Path = ROOT, **env: str) -> str:
    done = subprocess.run(
        argv, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment that has the two wheels, what they need, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    for part in PARTS:
        # From a copy: a build leaves nothing in the checkout.
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        ask(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(folder / part))
    venv.create(folder / "venv", with_pip=True)
    interpreter = str(folder / "venv" / "bin" / "python")
    wheels = sorted(map(str, folder.glob("*.whl")))
    assert len(wheels) == 2
    pinned = folder / "versions.txt"
    pinned.write_text("".join(f"{line}\n" for line in versions((ROOT / "constraints.txt").read_text())))
    install = (interpreter, "-m", "pip", "install", "--quiet", "--constraint", str(pinned), *wheels)
    ask(*namespaces.outside(), *install, cwd=folder)
    return interpreter


def versions(constraints: str) -> list[str]:
    """The pins without their hashes: our own wheels have none."""
    return [line.split()[0].rstrip("\\") for line in constraints.splitlines() if "==" in line and line[0].isalnum()]


class Outside(Project):
    """That project, in a folder of its own, with that interpreter."""

    limit = 2.5 * LIMIT  # where programs stand in for others, each command is several

    def __init__(self, folder: Path, python: str, env: Mapping[str, str], runtime: str, image: str) -> None:
        super().__init__(folder, {**env, "PYTHONPATH": ""}, runtime, image)
        shutil.copytree(ROOT / "tests" / "outside_project", folder, dirs_exist_ok=True)
        self._python = python

    def command(self, *arguments: str) -> list[str]:
        return [self._python, *super().command(*arguments)[1:]]


def test_on_the_mock(tmp_path: Path, python: str) -> None:
    outcome = Outside(tmp_path, python, os.environ, "mock", "mock:latest").run("-W", "error")

    assert outcome.counts() == {"passed": 9}, outcome.output


@pytest.mark.timeout(3 * LIMIT)
@pytest.mark.parametrize(
    "kind",
    [
        "docker",
        "podman",
        *(
            pytest.param(kind, marks=pytest.mark.long("a user's project on an engine that others stand for"))
            for kind in ("orbstack", "colima", "containerd", "colima-containerd")
        ),
    ],
)
def test_on_a_real_engine(python: str, engines: Engines, kind: str) -> None:
    engine = engines.get(kind)
    # Where a user's projects are, so that a virtual machine sees it.
    folder = Path(tempfile.mkdtemp(prefix="project-", dir=engine.host_folder))
    folder.chmod(0o755)
    before = everything_on(engine)

    outcome = Outside(folder, python, engine.environment(), engine.kind.runtime, engine.image).run("-W", "error")

    assert outcome.counts() == {"passed": 9}, outcome.output
    assert everything_on(engine) == before


def everything_on(engine: RunningEngine) -> set[str]:
    assert isinstance(engine.outside, DockerOutside | NerdctlOutside)
    return engine.outside.everything()


def test_nothing_of_it_has_a_name_that_others_use(python: str) -> None:
    listing = ask(
        python,
        "-c",
        "from importlib.metadata import files\n"
        "for name in ('dvm-runtimes', 'pytest-dvm'):\n"
        "    print(*sorted({str(file).split('/')[0] for file in files(name)}))",
    )

    names = [name for name in listing.split() if not name.endswith(".dist-info") and name != ".."]
    assert sorted(names) == ["dvm_runtimes", "pytest_dvm"]
    assert (Path(python).parent / "dvm").exists()
