"""What a run tells: why tests failed or were skipped, what was kept, and how each runtime did."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from .project import Project

FAILING = """
    import pytest
    from dvm_runtimes import LogLine

    @pytest.mark.dvm(command=["sh", "-c", "echo line of the log; sleep 1000"])
    def test_fails(dvm_workspace):
        result = dvm_workspace.exec("echo to stdout; echo to stderr >&2; exit 7")
        assert result.exit_code == 0

    def test_dies(dvm_workspace, dvm_runtime):
        dvm_runtime.mock.kill(dvm_workspace.id)
        assert False

    def test_removed(dvm_workspace, dvm_runtime):
        dvm_runtime.remove_workspace(dvm_workspace.id, force=True)
        assert False

    def test_several(dvm_workspace_factory, dvm_session_workspace):
        dvm_workspace_factory()
        assert False

    @pytest.mark.dvm(command=["sh", "-c", "echo last words; exit 3"], ready=LogLine("never"))
    def test_does_not_start(dvm_workspace):
        pass
"""


def test_a_failure_explains_itself_in_the_terminal_and_in_junit(project: Project) -> None:
    project.write("test_it.py", FAILING)

    outcome = project.run("--junitxml=junit.xml")

    cases = {case.get("name"): case for case in ET.parse(project.folder / "junit.xml").iter("testcase")}
    junit = {name: "".join(part.text or "" for part in case) for name, case in cases.items()}
    for text in (outcome.output, junit["test_fails"]):
        assert "status: running" in text
        assert "line of the log" in text
        assert "failed command (exit code 7): echo to stdout; echo to stderr >&2; exit 7" in text
        assert "to stderr" in text
    assert "status: exited, exit code 137" in junit["test_dies"]
    assert "status: not_found" in junit["test_removed"]
    assert junit["test_several"].count("status: running") == 2
    assert "last words" in junit["test_does_not_start"]
    assert "exit code 3" in junit["test_does_not_start"]
    # A start that fails is told in its own words.
    assert "supply.py" not in outcome.output


def test_an_engine_that_fails_during_a_test_does_not_hide_the_failure(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        def test_it(dvm_workspace, dvm_runtime):
            dvm_runtime.mock.make_unavailable()
            assert 1 == 2
        """,
    )

    outcome = project.run()

    assert "assert 1 == 2" in outcome.output
    assert "status: unknown" in outcome.output


def test_an_async_failure_explains_itself(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.asyncio
        async def test_it(dvm_workspace, dvm_workspace_factory):
            await dvm_workspace_factory()
            assert (await dvm_workspace.exec("exit 9")).exit_code == 0
        """,
    )

    outcome = project.run()

    assert outcome.output.count("status: running") == 2
    assert "failed command (exit code 9): exit 9" in outcome.output


@pytest.mark.parametrize(("keep", "kept"), [("never", []), ("failed", ["bad"]), ("always", ["bad", "good"])])
def test_what_is_kept_says_how_to_get_into_it(project: Project, keep: str, kept: list[str]) -> None:
    project.write(
        "test_it.py",
        """
        def test_bad(dvm_workspace, dvm_workspace_factory):
            dvm_workspace_factory()
            assert False

        def test_good(dvm_workspace):
            pass
        """,
    )

    outcome = project.run(f"--dvm-keep={keep}")

    lines = [line for line in outcome.output.splitlines() if "kept dvm attach dvm-test-" in line]
    assert len(lines) == {"never": 0, "failed": 2, "always": 3}[keep], outcome.output
    assert all(" --runtime mock" in line for line in lines)


NOBODY = {"DOCKER_HOST": "unix:///nobody/docker.sock"}


@pytest.mark.parametrize("number", [1, 3000])
def test_no_engine_is_one_line(project: Project, number: int) -> None:
    project.runtime = "docker"
    project.write(
        "test_it.py",
        f"""
        import pytest

        @pytest.mark.parametrize("n", range({number}))
        def test_it(dvm_workspace, n):
            assert False
        """,
    )

    outcome = project.run("-q", **NOBODY)

    assert outcome.code == 0
    assert outcome.counts() == {"skipped": number}
    assert outcome.output.count("/nobody/docker.sock") <= 2
    assert "no socket" in outcome.output
    assert len(outcome.output) < 1000, outcome.output


def test_no_engine_can_be_a_failure(project: Project) -> None:
    project.runtime = "docker"
    project.write("test_it.py", "def test_a(dvm_workspace): pass\ndef test_b(dvm_session_workspace): pass\n")

    outcome = project.run("--dvm-unavailable=fail", **NOBODY)

    assert outcome.code == 1
    assert outcome.counts() == {"error": 2}
    assert "no socket at /nobody/docker.sock" in outcome.output
    assert "Traceback" not in outcome.output


def test_a_runtime_that_does_not_exist_is_no_reason_to_skip(project: Project) -> None:
    project.runtime = "dokcer"
    project.write("test_it.py", "def test_a(dvm_workspace): pass\n")

    outcome = project.run()

    assert outcome.counts() == {"error": 1}
    assert "mean 'docker'" in outcome.output


@pytest.mark.parametrize("arguments", [("--collect-only",), ("-k", "plain"), ("--deselect", "test_it.py::test_w")])
def test_an_engine_that_nobody_needs_is_not_asked(project: Project, arguments: tuple[str, ...]) -> None:
    project.runtime = "docker"
    project.write("test_it.py", "def test_w(dvm_workspace): pass\ndef test_plain(): pass\n")
    project.write(
        "conftest.py",
        """
        import sys

        def pytest_unconfigure():
            assert "dvm_runtimes" not in sys.modules
            print("NOT LOADED")
        """,
    )

    outcome = project.run("--dvm-unavailable=fail", *arguments, **NOBODY)

    assert outcome.code == 0, outcome.output
    assert "NOT LOADED" in outcome.output


def test_loading_the_plugin_loads_nothing_else(project: Project) -> None:
    project.write("test_it.py", "def test_it(): pass\n")
    project.write(
        "conftest.py",
        """
        import sys

        def pytest_unconfigure():
            ours = sorted(name for name in sys.modules if name.split(".")[0] in ("pytest_dvm", "dvm_runtimes"))
            print("LOADED", *ours)
        """,
    )

    outcome = project.run()

    assert outcome.output.partition("LOADED ")[2].split() == [
        "pytest_dvm",
        "pytest_dvm.plugin",
        "pytest_dvm.run_identity",
        "pytest_dvm.settings",
    ]


def test_several_runtimes(project: Project) -> None:
    project.runtime = "mock:one,mock:two"
    project.write(
        "test_it.py",
        """
        import pytest

        def test_plain():
            pass

        @pytest.mark.parametrize("n", [1, 2])
        def test_it(dvm_workspace, n):
            assert dvm_workspace.status == "running"

        def test_differs(dvm_runtime, dvm_session_workspace):
            assert dvm_runtime.platform_name == "Mock (one)"

        @pytest.mark.parametrize("dvm_runtime", ["mock"], indirect=True)
        def test_own(dvm_workspace):
            assert dvm_workspace.runtime.platform_name == "Mock"
        """,
    )

    listed = project.run("--collect-only", "-q").output
    assert "test_it.py::test_it[mock:one-1]" in listed
    assert "test_it.py::test_plain\n" in listed

    outcome = project.run()

    assert outcome.counts() == {"passed": 7, "failed": 1}, outcome.output
    table = outcome.output.partition("tests by runtime")[2].splitlines()
    assert table[1].split() == ["test", "mock:one", "mock:two", "mock"]
    row = next(line.split() for line in table if line.startswith("test_it.py::test_differs"))
    assert (row[1], row[4]) == ("passed", "failed")
    assert next(line.split() for line in table if line.startswith("all"))[1] == "3/3"
    assert "dvm: Mock (two) mock (mock, mock://two)" in outcome.output


def test_all_is_every_engine_that_answers(project: Project) -> None:
    project.runtime = "all"
    project.write("test_it.py", "def test_it(dvm_workspace): pass\n")

    assert "test_it[all]" in project.run("--collect-only", "-q").output
    outcome = project.run(**NOBODY, PATH="/nowhere")

    assert outcome.counts() == {"skipped": 1}, outcome.output


def test_all_is_the_same_for_every_worker(project: Project) -> None:
    project.runtime = "all"
    project.write(
        "conftest.py",
        """
        import os
        import pytest_dvm.run

        def looked_for():
            worker = os.environ["PYTEST_XDIST_WORKER"]
            with open(os.environ["SEEN"], "a") as seen:
                seen.write(worker + "\\n")
            return f"mock:a-{worker}", f"mock:b-{worker}"

        pytest_dvm.run.reachable_runtimes = looked_for
        """,
    )
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("n", range(3))
        def test_it(dvm_workspace, n):
            assert dvm_workspace.status == "running"
        """,
    )
    seen = project.folder / "seen"

    outcome = project.run("-n", "2", SEEN=str(seen))

    assert outcome.counts()["passed"] == 6, outcome.output
    (asked,) = seen.read_text().split()
    assert f"mock:a-{asked}" in outcome.output
    project.wait_for_reapers()
    assert project.ledgers_left() == []


@pytest.mark.parametrize(
    ("setting", "text"), [("dvm_timeout = soon", "dvm_timeout='soon'"), ("dvm_keep = some", "dvm_keep='some'")]
)
def test_bad_settings_stop_the_run(project: Project, setting: str, text: str) -> None:
    project.write("pytest.ini", f"[pytest]\n{setting}\n")
    project.write("test_it.py", "def test_it(): pass\n")

    outcome = project.run()

    assert outcome.code == 4
    assert text in outcome.output


def test_bad_marker_is_told_where_it_is(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.dvm(imgae="x")
        def test_it(dvm_workspace):
            pass
        """,
    )

    outcome = project.run()

    assert outcome.counts() == {"error": 1}
    assert "mark.dvm='imgae': unknown keyword" in outcome.output
