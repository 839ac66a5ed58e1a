"""The process that tests run in: many open files, and forks."""

from __future__ import annotations

import pytest

from .project import Project

WORKSPACE = """
    import pytest

    def test_plain():
        pass

    def test_it(dvm_workspace):
        assert dvm_workspace.exec("cat", input="hi").stdout == b"hi"
        with dvm_workspace.terminal() as terminal:
            terminal.sendline("echo $((6 * 7))")
            terminal.expect("42")
"""
MANY_FILES = """
    import os
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    open_files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
"""
FORKED = """
    def pytest_addoption(parser):
        parser.addoption("--forked", action="store_true")  # as pytest-forked has it
"""


def test_file_descriptors_above_1023(project: Project) -> None:
    run_with_many_files(project)


def test_file_descriptors_above_1023_on_an_engine(docker_project: Project) -> None:
    run_with_many_files(docker_project)


def run_with_many_files(project: Project) -> None:
    project.write("conftest.py", MANY_FILES)
    project.write("test_it.py", WORKSPACE)

    outcome = project.run()

    assert (outcome.code, outcome.counts()) == (0, {"passed": 2}), outcome.output
    assert "Traceback" not in outcome.output
    assert project.ledgers_left() == []


def test_forked_is_refused_in_one_line(project: Project) -> None:
    project.write("conftest.py", FORKED)
    project.write("test_it.py", WORKSPACE)

    outcome = project.run("--forked")

    assert outcome.code == pytest.ExitCode.USAGE_ERROR, outcome.output
    (line,) = [line for line in outcome.output.splitlines() if "--forked" in line]
    assert line.startswith("ERROR: pytest-dvm does not work with --forked")


def test_forked_is_refused_by_workers_too(project: Project) -> None:
    project.write("conftest.py", FORKED)
    project.write("test_it.py", WORKSPACE)

    outcome = project.run("--forked", "-n", "1")

    assert outcome.counts() == {"passed": 1, "error": 1}, outcome.output
    assert "pytest-dvm does not work with --forked" in outcome.output


def test_forked_runs_what_needs_no_workspace(project: Project) -> None:
    project.write("conftest.py", FORKED)
    project.write("test_it.py", WORKSPACE)

    outcome = project.run("--forked", "-k", "plain")

    assert outcome.counts() == {"passed": 1, "deselected": 1}, outcome.output


def test_a_fork_of_the_run_does_not_wait_for_ever(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import os

        def test_it(dvm_runtime, request):
            from pytest_dvm.plugin import run_of

            child = os.fork()
            if child == 0:
                try:
                    run_of(request.config).supply("mock")
                except Exception as error:
                    os._exit(7 if "fork" in str(error) else 8)
                os._exit(9)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        """,
    )
    outcome = project.run()

    assert outcome.code == 0, outcome.output
