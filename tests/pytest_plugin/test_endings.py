"""Whatever ends a run, nothing of it stays on the engine: real signals, a real engine."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvm_runtimes.cleanup import reaper
from dvm_runtimes.engines.docker_api import Endpoint, remove_orphan

from .conftest import Left, left_on, project_on
from .project import LIMIT, Project, read_until

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines

IN_TEST = """
    import pytest

    @pytest.fixture(scope="session")
    def database(dvm_session_workspace):
        return dvm_session_workspace

    def test_it(database, dvm_workspace):
        print("\\nREADY", flush=True)
        dvm_workspace.exec(["sleep", "1000"])
"""
IN_SETUP = """
    import threading
    import pytest
    from dvm_runtimes import WaitStrategy

    class Never(WaitStrategy):
        def wait(self, target):
            print("\\nREADY", flush=True)
            target.op.wait(threading.Event())

        def __str__(self):
            return "nothing"

    @pytest.mark.dvm(ready=Never())
    def test_it(dvm_workspace):
        pass
"""
KILLS = int(os.environ.get("DVM_TEST_KILLS", "4"))
"""How many random moments the property is tried at on each engine. The long form: DVM_TEST_KILLS=200 and --timeout
7200."""


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def terminate(process: subprocess.Popen[str]) -> None:
    process.terminate()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()


@pytest.mark.parametrize("text", [IN_TEST, IN_SETUP], ids=["in-test", "in-setup"])
@pytest.mark.parametrize("end", [interrupt, terminate, kill])
def test_a_signal(docker_project: Project, left: Left, text: str, end: Callable[[subprocess.Popen[str]], None]) -> None:
    docker_project.write("test_it.py", text)

    with docker_project.running() as process:
        read_until(process, "READY")
        if text is IN_TEST:
            assert len(left.containers()) == 2
        end(process)
        process.wait(LIMIT)
        for one in left.containers().values():
            left.wait_until_removed(one["Id"])
        docker_project.wait_for_reapers()

    assert left.everything() == []
    assert docker_project.ledgers_left() == []


def test_failures_leave_nothing_either(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        import pytest
        from dvm_runtimes import LogLine

        def test_fails(dvm_workspace, dvm_workspace_factory):
            dvm_workspace_factory("db")
            assert False

        @pytest.mark.dvm(command=["sh", "-c", "echo dying; exit 3"], ready=LogLine("alive"))
        def test_dies(dvm_workspace):
            pass

        @pytest.mark.dvm(command=["no-such-program"], ready=LogLine("alive"))
        def test_never_runs(dvm_workspace):
            pass

        @pytest.fixture
        def broken(dvm_workspace):
            yield
            raise RuntimeError("teardown")

        def test_teardown(broken):
            pass

        def test_through_the_runtime(dvm_runtime):
            from dvm_runtimes import StartOptions
            dvm_runtime.start_workspace(StartOptions(image_name="IMAGE", container_name="dvm-test-mine"))
        """.replace("IMAGE", docker_project.image),
    )

    outcome = docker_project.run()

    assert outcome.counts() == {"failed": 1, "passed": 2, "error": 3}, outcome.output
    assert "dying" in outcome.output
    assert left.everything() == []
    assert docker_project.ledgers_left() == []


def test_a_killed_group_is_cleaned_up_after(docker_project: Project, left: Left) -> None:
    """As a CI system ends a job: every process of the group at once."""
    docker_project.write("test_it.py", IN_TEST)
    process = subprocess.Popen(
        docker_project.command("-s"),
        cwd=docker_project.folder,
        env=docker_project.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    read_until(process, "READY")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=LIMIT)
    docker_project.wait_for_reapers()

    assert left.everything() == []


def test_what_the_reaper_could_not_remove_the_next_run_does(docker_project: Project, left: Left) -> None:
    docker_project.write("test_it.py", IN_TEST)
    with docker_project.running() as process:
        read_until(process, "READY")
        # As when the machine loses its power: the reaper goes too.
        for pid in list(docker_project.reapers()):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait(LIMIT)
    assert len(left.containers()) == 2

    docker_project.write("test_it.py", "def test_it(dvm_workspace):\n    assert dvm_workspace.status == 'running'\n")
    assert docker_project.run().counts() == {"passed": 1}
    docker_project.wait_for_reapers()

    assert left.everything() == []
    assert docker_project.ledgers_left() == []


def test_or_dvm_gc(docker_project: Project, left: Left) -> None:
    docker_project.write("test_it.py", IN_TEST)
    with docker_project.running("--dvm-keep=failed") as process:
        read_until(process, "READY")
        for pid in list(docker_project.reapers()):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait(LIMIT)
    assert len(left.containers()) == 2

    command = [docker_project.command()[0], "-m", "dvm_runtimes.cli", "--runtime", "docker", "gc"]
    subprocess.run(command, env=docker_project.env, cwd=docker_project.folder, check=True, timeout=LIMIT)

    assert left.everything() == []


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_any_moment_will_do(tmp_path: Path, engines: Engines, kind: str) -> None:
    """Property: after a SIGKILL at a random moment the engine holds nothing of ours."""
    engine = engines.get(kind)
    project, left = project_on(engine, tmp_path), left_on(engine)
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("n", range(3))
        def test_it(dvm_session_workspace, dvm_workspace, n):
            dvm_workspace.exec(["true"])

        def test_net(dvm_workspace_factory):
            dvm_workspace_factory("a")

        def test_end(dvm_workspace):
            print("\\nREADY", flush=True)
            dvm_workspace.exec(["sleep", "1000"])
        """,
    )
    began = time.monotonic()
    with project.running() as process:
        read_until(process, "READY")
        whole = time.monotonic() - began
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    for number in range(KILLS):
        moment = moments.uniform(0.0, 1.1) * whole
        with project.running() as process:
            timer = threading.Timer(moment, process.kill)
            timer.start()
            assert process.stdout is not None
            output = process.stdout.read()  # until it is dead
            timer.cancel()
        project.wait_for_reapers()
        assert left.everything() == [], f"seed {seed}, kill {number} after {moment} s:\n{output}"
        # Killed before its reaper was there, it has made nothing, and the next run removes what it began to write.
        assert project.things_left() == []


def test_podman_is_whole_after_a_removal_that_met_a_creation(engines: Engines) -> None:
    """A container that is deleted while it is being made would stay in Podman's lists, and break them, for ever."""
    engine = engines.get("podman")
    left, removal = left_on(engine), remove_orphan.removal(Endpoint.parse(engine.endpoint))
    path = engine.endpoint.removeprefix("unix://")
    body = json.dumps({"Image": engine.image, "Cmd": ["sleep", "1000"]}).encode()
    for number in range(8):
        name = f"dvm-test-making-{number}"
        request = f"POST /containers/create?name={name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(f"{request}Content-Type: application/json\r\n\r\n".encode() + body)
            entry = {"kind": "container", "name": name, "made": False, "removal": removal}
            assert reaper.remove(entry, time.monotonic() + LIMIT, LIMIT)
        assert left.containers() == {}


def test_two_runs_never_touch_each_others(docker_project: Project, left: Left) -> None:
    docker_project.write("test_it.py", IN_TEST)
    docker_project.write(
        "test_other.py",
        """
        import pytest

        @pytest.mark.parametrize("n", range(3))
        def test_other(dvm_session_workspace, dvm_workspace, n):
            assert dvm_session_workspace.exec("cat /tmp/mark").exit_code != 0 or n
            dvm_session_workspace.exec("touch /tmp/mark")
        """,
    )
    with docker_project.running("test_it.py") as process:
        read_until(process, "READY")
        before = set(left.containers())
        assert docker_project.run("test_other.py").counts() == {"passed": 3}
        assert set(left.containers()) == before
        assert {re.sub(r"-\w+$", "", name) for name in before}  # of one run
    docker_project.wait_for_reapers()
    assert left.everything() == []
