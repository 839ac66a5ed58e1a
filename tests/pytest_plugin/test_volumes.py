"""Named volumes of tests: each test has its own, and none is left, unless the test says that they are to last."""

from __future__ import annotations

import pytest
from tests.engines.http_over_socket import ask

from .conftest import Left
from .project import LIMIT, Project, read_until

TWO_TESTS = """
    import pytest

    pytestmark = pytest.mark.dvm(mounts=["data:/data"], uid=0, gid=0)

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_it(dvm_workspace, number):
        assert dvm_workspace.exec("ls /data; touch /data/file").stdout == b""
        dvm_workspace.restart()
        assert dvm_workspace.exec("ls /data").stdout == b"file\\n"
"""
FACTORY = """
    import pytest

    @pytest.mark.dvm(mounts=["data:/data"], uid=0, gid=0)
    @pytest.mark.parametrize("number", [1, 2])
    def test_it(dvm_workspace_factory, number):
        writer, reader = dvm_workspace_factory(), dvm_workspace_factory()
        assert reader.exec("ls /data").stdout == b""
        writer.exec("touch /data/file")
        assert reader.exec("ls /data").stdout == b"file\\n"
"""
SESSION = """
    import pytest

    @pytest.fixture(scope="session")
    def dvm_session_options():
        return {"mounts": ["data:/data"], "uid": 0, "gid": 0}

    def test_it(dvm_session_workspace):
        assert dvm_session_workspace.exec("ls /data; touch /data/file").stdout == b""
"""


@pytest.mark.parametrize("text", [TWO_TESTS, FACTORY, SESSION], ids=["tests", "factory", "session"])
def test_each_has_its_own_and_none_is_left(docker_project: Project, left: Left, text: str) -> None:
    docker_project.write("test_it.py", text)

    for _ in range(2):
        outcome = docker_project.run()
        assert outcome.code == 0, outcome.output
    assert left.everything() == []
    assert docker_project.ledgers_left() == []


def test_workers_share_that_of_the_session(docker_project: Project, left: Left) -> None:
    docker_project.write("test_it.py", SESSION)

    outcome = docker_project.run("-n", "2")

    assert outcome.code == 0, outcome.output
    assert left.everything() == []


def test_the_mock_has_its_own_too(project: Project) -> None:
    project.write("test_it.py", TWO_TESTS + FACTORY.replace("import pytest", "").replace("test_it", "test_factory"))

    outcome = project.run()

    assert outcome.code == 0, outcome.output


def test_a_run_that_is_killed_leaves_none(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.dvm(mounts=["data:/data"])
        def test_it(dvm_workspace):
            print("\\nREADY", flush=True)
            dvm_workspace.exec(["sleep", "1000"])
        """,
    )
    with docker_project.running() as process:
        read_until(process, "READY")
        assert [name for name in left.everything() if name.endswith("-data")]
        process.kill()
        process.wait(LIMIT)
        docker_project.wait_for_reapers()
    assert left.everything() == []


def test_those_that_are_to_last_keep_their_name(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.dvm(mounts=["dvm-test-lasting:/data"], keep_volumes=True, uid=0, gid=0)
        def test_it(dvm_workspace):
            print(dvm_workspace.exec("ls /data; touch /data/file").stdout)
        """,
    )
    try:
        assert "b''" in docker_project.run("-s").output
        assert "b'file" in docker_project.run("-s").output
        assert left.everything() == ["dvm-test-lasting"]
    finally:
        ask(left.socket, "DELETE", "/volumes/dvm-test-lasting")
