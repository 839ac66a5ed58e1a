"""Runs that xdist spreads over processes, and workspaces that find each other, on a real engine."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from dvm_runtimes.cleanup import reaper
from dvm_runtimes.engines.docker_api import remove_orphan
from dvm_runtimes.engines.http.endpoint import Endpoint, Tls

from .conftest import Left
from .project import LIMIT, Project, read_until

SHARED = """
    import os
    import pytest

    @pytest.fixture(scope="session")
    def database(dvm_session_workspace):
        return dvm_session_workspace

    @pytest.mark.parametrize("n", range(8))
    def test_it(database, dvm_workspace, n):
        database.exec(f"echo {os.environ['PYTEST_XDIST_WORKER']} {dvm_workspace.name} >> /tmp/log")
        assert database.name != dvm_workspace.name
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(f"{database.id} {dvm_workspace.name}\\n")
"""


def seen_by(file: Path) -> tuple[set[str], set[str]]:
    """The session's workspaces, and the tests' own."""
    pairs = [line.split() for line in file.read_text().splitlines()]
    return {pair[0] for pair in pairs}, {pair[1] for pair in pairs}


def test_the_whole_run_has_one_session_workspace(docker_project: Project, left: Left) -> None:
    seen = docker_project.folder / "seen"
    docker_project.write("test_it.py", SHARED)

    outcome = docker_project.run("-n", "4", SEEN=str(seen))

    assert outcome.counts()["passed"] == 8, outcome.output
    session, own = seen_by(seen)
    assert len(session) == 1
    assert len({name.split("-")[3] for name in own}) > 1  # of several workers
    assert len({name.split("-")[2] for name in own}) == 1  # of one run
    assert "dvm: Docker Engine" in outcome.output
    assert left.everything() == []
    assert docker_project.ledgers_left() == []


def test_images_are_built_once_for_all_workers(docker_project: Project, left: Left) -> None:
    docker_project.write("image/Dockerfile", f"FROM {docker_project.image}\nCOPY mark /mark\n")
    docker_project.write("image/mark", "built")
    docker_project.write(
        "test_it.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def dvm_session_options():
            return {"build": "image"}

        @pytest.mark.parametrize("n", range(4))
        @pytest.mark.dvm(build="image")
        def test_it(dvm_workspace, dvm_session_workspace, n):
            for one in (dvm_workspace, dvm_session_workspace):
                assert one.exec("cat /mark").stdout == b"built"
                assert one.info.image.startswith("dvm-test-")
        """,
    )

    outcome = docker_project.run("-n", "2")

    assert outcome.counts()["passed"] == 4, outcome.output
    assert left.everything() == []


def test_a_worker_that_is_killed_takes_its_own_with_it_and_no_more(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        import os, signal
        import pytest

        @pytest.mark.parametrize("n", range(6))
        def test_it(dvm_session_workspace, dvm_workspace, n):
            assert dvm_session_workspace.status == "running"
            if n == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        """,
    )

    outcome = docker_project.run("-n", "2")
    docker_project.wait_for_reapers()

    assert outcome.counts() == {"passed": 5, "failed": 1}, outcome.output
    assert left.everything() == []
    assert docker_project.ledgers_left() == []


def test_a_controller_that_is_killed_leaves_nothing(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        import os

        def test_it(dvm_session_workspace, dvm_workspace):
            with open(os.environ["TELL"], "w") as tell:
                tell.write("READY\\n")
            dvm_workspace.exec(["sleep", "1000"])
        """,
    )
    tell = docker_project.folder / "tell"
    os.mkfifo(tell)
    docker_project.env = {**docker_project.env, "TELL": str(tell)}

    with docker_project.running("-n", "1") as process:
        assert tell.read_text() == "READY\n"  # waits for the test
        assert len(left.containers()) == 2
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LIMIT)
        docker_project.wait_for_reapers()

    assert left.everything() == []
    assert docker_project.ledgers_left() == []


def test_workspaces_find_each_other_by_name(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        def test_it(dvm_workspace_factory):
            web = dvm_workspace_factory(
                "web", command=["sh", "-c", "echo hello from web > /tmp/index.html; exec httpd -f -p 80 -h /tmp"]
            )
            client = dvm_workspace_factory("client")
            for host in ("web", web.name):
                got = client.exec(["wget", "-q", "-O", "-", f"http://{host}/"])
                assert got.stdout == b"hello from web\\n", got
            alone = dvm_workspace_factory()
            assert alone.exec(["wget", "-q", "-T", "1", "-O", "-", "http://web/"]).exit_code != 0

        def test_other_test_other_network(dvm_workspace_factory):
            client = dvm_workspace_factory("client")
            assert client.exec(["wget", "-q", "-T", "1", "-O", "-", "http://web/"]).exit_code != 0
        """,
    )

    outcome = docker_project.run()

    assert outcome.counts() == {"passed": 2}, outcome.output
    assert left.everything() == []


def test_what_is_kept_stays_and_nothing_else(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        def test_bad(dvm_workspace, dvm_workspace_factory):
            dvm_workspace.exec("echo evidence > /tmp/evidence")
            dvm_workspace_factory("db")
            assert False

        def test_good(dvm_workspace, dvm_session_workspace):
            pass
        """,
    )

    outcome = docker_project.run("--dvm-keep=failed")
    kept = left.containers()
    try:
        assert len(kept) == 2
        for name, one in kept.items():
            assert f"dvm attach {name} --runtime docker" in outcome.output
            assert one["State"] == "running"
        # Nor do the next runs take them for left behind.
        docker_project.write("test_it.py", "def test_it(dvm_workspace): pass\n")
        assert docker_project.run().counts() == {"passed": 1}
        assert set(left.containers()) == set(kept)
    finally:
        left.remove_all()


def test_an_engine_behind_tls_is_cleaned_by_a_command() -> None:
    endpoint = Endpoint.parse("tcp://10.0.0.7:2376", tls=Tls(ca=Path("/ca.pem"), verify=False))
    steps = remove_orphan.removal(endpoint)

    assert steps["container"][1:3] == ["-m", "dvm_runtimes.engines.docker_api.remove_orphan"]
    assert steps["container"][4:] == ["container", "{name}"]
    assert remove_orphan.from_text(steps["network"][3]) == endpoint


def test_that_command_removes_and_does_not_mind_what_is_gone(docker_project: Project, left: Left) -> None:
    endpoint = Endpoint.parse(docker_project.env["DOCKER_HOST"])
    docker_project.write(
        "test_it.py",
        """
        def test_it(dvm_workspace):
            print("\\nREADY", flush=True)
            dvm_workspace.exec(["sleep", "1000"])
        """,
    )
    with docker_project.running() as process:
        read_until(process, "READY")
        for pid in list(docker_project.reapers()):
            os.kill(pid, signal.SIGKILL)
        process.kill()
    (name,) = left.containers()
    # As a ledger has it that an older version left on disk.
    words = [
        sys.executable,
        "-m",
        "dvm_runtimes.docker_api.leaving",
        remove_orphan.as_text(endpoint),
        "container",
        "{name}",
    ]
    old = docker_project.folder / "old.ledger"
    lines: list[dict[str, object]] = [
        {"ledger": 1, "owner": "here:1:1"},
        {"engine": "docker", "removal": {"container": words}},
        {"made": name, "kind": "container", "engine": "docker"},
    ]
    old.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    assert reaper.reap(str(old))
    assert not left.containers()
    assert remove_orphan.remove(endpoint, "container", name)
    assert remove_orphan.remove(endpoint, "network", "dvm-test-none")
    assert left.everything() == []
