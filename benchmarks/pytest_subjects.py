"""The same two test sessions, written for pytest-dvm and for each of its peers."""

from __future__ import annotations

from dataclasses import dataclass

TESTS = """
import pytest

@pytest.mark.parametrize("n", range({count}))
def test_it({fixture}, n):
    {check}
"""


@dataclass(frozen=True)
class Subject:
    """One way to have containers in tests.

    Attributes:
        name: as on the package index.
        plugin: what is loaded; nothing else is, in any of the runs.
        session, each: the conftest of one container for all tests, and of a fresh one for each; empty for none.
        check: one command in the container.
        fixtures: the fixtures of both.
    """

    name: str
    plugin: str
    session: str
    each: str
    check: str
    fixtures: tuple[str, str] = ("box", "box")
    options: tuple[str, ...] = ()

    def tests(self, kind: str, count: int) -> str:
        """The file of tests."""
        fixture = self.fixtures[kind == "each"]
        return TESTS.format(count=count, fixture=fixture, check=self.check.replace("{fixture}", fixture))


_TESTCONTAINERS = """
import pytest
from testcontainers.core.container import DockerContainer

@pytest.fixture(scope="{scope}")
def box():
    with DockerContainer("{image}").with_command("sleep infinity") as container:
        yield container
"""
_DOCKER_TOOLS = """
from pytest_docker_tools import container

box = container(image="{image}", command=["sleep", "infinity"], scope="{scope}")
"""
# It uses a container of a name again, and may find one that is just being removed.
_DATABASES = """
import itertools
import pytest

numbers = itertools.count()

@pytest.fixture(scope="{scope}")
def box(docker_service):
    command = ["sh", "-c", "trap exit TERM; sleep 1000 & wait"]
    ready = dict(container_port=80, name=f"box{{next(numbers)}}", check=lambda service: True, transient=True)
    with docker_service.run("{image}", command=command, **ready) as service:
        yield service.container
"""


def subjects(image: str) -> list[Subject]:
    """Ours first."""

    def of(text: str, scope: str) -> str:
        return text.format(image=image, scope=scope)

    return [
        Subject(
            "pytest-dvm",
            "pytest_dvm.plugin",
            "",
            "",
            'assert {fixture}.exec(["true"]).exit_code == 0',
            ("dvm_session_workspace", "dvm_workspace"),
            ("--dvm-runtime=docker", f"--dvm-image={image}"),
        ),
        Subject(
            "testcontainers",
            "",
            of(_TESTCONTAINERS, "session"),
            of(_TESTCONTAINERS, "function"),
            'assert box.exec(["true"]).exit_code == 0',
        ),
        Subject(
            "pytest-docker-tools",
            "pytest_docker_tools.plugin",
            of(_DOCKER_TOOLS, "session"),
            of(_DOCKER_TOOLS, "function"),
            'assert box.exec_run(["true"]).exit_code == 0',
        ),
        Subject(
            "pytest-databases",
            "pytest_databases._service",
            of(_DATABASES, "session"),
            of(_DATABASES, "function"),
            'assert box.exec_run(["true"]).exit_code == 0',
        ),
    ]
