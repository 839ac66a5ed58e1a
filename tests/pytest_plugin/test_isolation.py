"""What is promised of warm workspaces: of one test, the next sees nothing. And they are warm."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dvm_runtimes import StartOptions
from dvm_runtimes.engines.docker_api import Endpoint, connect
from dvm_runtimes.runtime import ContainerRuntime
from pytest_dvm.reset import Resetter, State, mounts_of, parse, topmost

from .conftest import Left
from .project import Project

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

NAME = "dvm-test-reset"


@pytest.fixture
def runtime(docker_engine: RunningEngine) -> Iterator[ContainerRuntime]:
    with connect(Endpoint.parse(docker_engine.endpoint)) as runtime:
        yield runtime


@pytest.fixture
def workspace(runtime: ContainerRuntime, docker_engine: RunningEngine) -> Iterator[str]:
    started = runtime.start_workspace(StartOptions(image_name=docker_engine.image, container_name=NAME))
    yield started
    runtime.remove_workspace(started, force=True)


@pytest.fixture
def resetter(runtime: ContainerRuntime, workspace: str) -> Iterator[Resetter]:
    """What looks after that workspace from its beginning."""
    resetter = Resetter(runtime.engine, workspace)
    with contextlib.closing(resetter):
        assert resetter.begin()
        yield resetter


def run(runtime: ContainerRuntime, workspace: str, command: str) -> str:
    result = runtime.exec_in_workspace(workspace, ["sh", "-c", command])
    assert result.exit_code in (0, 1, 128 + 9), result
    return result.stdout.decode()


SEEN = "ls -A /workspace /tmp /dev/shm /root; ps -o args | grep '[s]leep 9'; grep evil /etc/hosts; id; env | grep EVIL"


@pytest.mark.parametrize(
    "use",
    [
        "true",
        "ps; cat /etc/passwd; find / -name nothing",
        "echo x > /workspace/file",
        "mkdir -p /tmp/a/b '/root/with blanks and ;'; echo x > /tmp/a/b/c; chmod 000 /tmp/a/b; ln -s /etc /tmp/a/link",
        "sleep 999 >/dev/null 2>&1 & sleep 998 >/dev/null 2>&1 &",
        "(trap '' TERM HUP INT; while :; do :; done) >/dev/null 2>&1 &",
        "setsid sleep 997 >/dev/null 2>&1 &",
        "nc -l -p 7777 >/dev/null 2>&1 &",
        "echo x > /dev/shm/gone; rm /dev/shm/gone",
        "cd /tmp; touch a; export EVIL=1; umask 0; ulimit -n 64",
    ],
)
def test_what_can_be_undone_is_undone(runtime: ContainerRuntime, workspace: str, resetter: Resetter, use: str) -> None:
    before = run(runtime, workspace, SEEN)
    processes = run(runtime, workspace, "echo /proc/[0-9]*").split()
    for _ in range(2):
        run(runtime, workspace, use)
        assert resetter.reset()
        assert run(runtime, workspace, SEEN) == before
        assert len(run(runtime, workspace, "echo /proc/[0-9]*").split()) == len(processes)


@pytest.mark.parametrize(
    "use",
    [
        "echo x >> /etc/passwd",
        "rm /bin/ls",
        "mv /home/dev /home/other",
        "chmod 700 /tmp",
        "chown 5:5 /home",
        "rmdir /workspace",
        "chmod 777 /workspace",
        "echo x > /dev/shm/file",
        "mkdir /dev/shm/folder",
        "touch /dev/mine",
        "echo 127.0.0.9 evil >> /etc/hosts",
        "echo nameserver 127.0.0.9 > /etc/resolv.conf",
        "echo output > /proc/1/fd/1",
        # The side that ends a connection first remembers it for a minute.
        "nc -l -p 7777 >/dev/null & until echo x | nc 127.0.0.1 7777; do :; done 2>/dev/null; wait",
        "for p in $(grep -l 'IFS= read' /proc/[0-9]*/cmdline | tr -dc '0-9\\n'); do [ $p = $$ ] || kill -9 $p; done",
        "kill -9 -1",
        "kill 1",
        "for i in $(seq 600); do touch /tmp/$i; done",
    ],
)
def test_what_cannot_be_undone_is_noticed(
    runtime: ContainerRuntime, workspace: str, resetter: Resetter, use: str
) -> None:
    run(runtime, workspace, use)
    assert not resetter.reset()
    assert not resetter.reset()


def test_another_start_is_noticed(
    runtime: ContainerRuntime, workspace: str, resetter: Resetter, docker_engine: RunningEngine
) -> None:
    runtime.stop_workspace(workspace)
    runtime.start_workspace(StartOptions(image_name=docker_engine.image, container_name=NAME))
    assert not resetter.reset()


def test_a_workspace_that_has_said_something_is_not_looked_after(
    runtime: ContainerRuntime, docker_engine: RunningEngine
) -> None:
    options = StartOptions(
        image_name=docker_engine.image, container_name=NAME, command=["sh", "-c", "echo hi; exec sleep 100"]
    )
    started = runtime.start_workspace(options)
    try:
        next(iter(runtime.workspace_logs(started, follow=True)))
        resetter = Resetter(runtime.engine, started)
        assert not resetter.begin()
        assert not resetter.reset()
    finally:
        runtime.remove_workspace(started, force=True)


def test_mounts() -> None:
    text = """
        131 102 0:46 / / rw - overlay overlay rw
        132 131 0:57 / /proc rw - proc proc rw
        133 131 0:58 / /dev rw - tmpfs tmpfs rw
        134 131 254:0 /c/1/hosts /etc/hosts rw - ext4 /dev/vda rw
        135 131 254:0 /c/1/data /data rw - ext4 /dev/vda rw
        136 131 254:0 /c/1/ro /ro ro - ext4 /dev/vda rw
        137 132 0:58 /null /proc/keys rw - tmpfs tmpfs rw
        138 131 0:60 /x/resolv.conf /etc/resolv.conf rw - tmpfs tmpfs rw
    """
    found = mounts_of("\n".join(line.strip() for line in text.strip().splitlines()))
    assert found is not None
    assert found.trees == ("/dev",)
    assert found.files == ("/etc/hosts", "/etc/resolv.conf")
    assert found.folders == ("/data",)
    assert found.sealed == ("/ro",)
    assert mounts_of("nonsense") is None


def test_a_look_that_was_cut_short_proves_nothing() -> None:
    whole = "@folders\n/|41ed|0|0\n/tmp|43ff|0|0\n@others\nb\na\n/proc/1 /proc/7\n"
    state = parse(whole)
    assert state is not None
    assert state.others == ("a", "b")
    assert state.processes == "/proc/1 /proc/7"
    assert parse(whole[: whole.index("/proc")]) is None
    assert parse("") is None


def test_sockets_count_and_what_the_whole_machine_has_does_not() -> None:
    def state(counts: str) -> State:
        found = parse(f"@folders\n/|41ed|0|0\n@others\n{counts}\n/proc/1\n")
        assert found is not None
        return found

    none = state("sockets: used 1\nTCP: inuse 0 orphan 0 tw 0 alloc 1 mem 0\nUDP: inuse 0 mem 0")
    others_are_busy = state("sockets: used 9\nTCP: inuse 0 orphan 5 tw 0 alloc 9 mem 7\nUDP: inuse 0 mem 3")
    assert none.same(others_are_busy)
    assert not none.has_sockets
    for some in ("TCP: inuse 1 orphan 0 tw 0 alloc 1", "TCP: inuse 0 orphan 0 tw 1 alloc 1", "RAW6: inuse 2"):
        assert state(some).has_sockets, some
        assert not none.same(state(some)), some


def test_only_the_topmost_paths_are_deleted() -> None:
    assert topmost(frozenset({"/a/b/c", "/a", "/ab", "/a/b", "/c/d"})) == ["/a", "/ab", "/c/d"]


DIRTY = """
    import pytest

    WAYS = [
        "true",
        "echo x > /workspace/file; mkdir /tmp/folder",
        "sleep 999 >/dev/null 2>&1 &",
        "echo x >> /etc/passwd",
        "echo x > /dev/shm/file",
        "echo 127.0.0.9 evil >> /etc/hosts",
        "rm /bin/ls; mkdir /etc/new",
        "export EVIL=1",
        "nc -l -p 7777 >/dev/null 2>&1 &",
        "true",
        "kill -9 -1",
        "true",
    ]
    names = []

    @pytest.mark.dvm(files={"/workspace/given": "given"})
    @pytest.mark.parametrize("way", WAYS)
    def test_it(dvm_workspace, way):
        names.append(dvm_workspace.name)
        seen = dvm_workspace.exec(
            "ls -A /workspace /tmp /dev/shm; ps -o args | grep -c '[s]leep 999\\\\|[n]c -l'; tail -n1 /etc/passwd; "
            "grep -c evil /etc/hosts; ls -d /etc/new; env | grep EVIL; netstat -tln | grep 7777; cat /workspace/given"
        )
        assert "file" not in seen.stdout.decode().replace("given", "")
        assert seen.stdout.decode().split("/workspace:")[1].split()[0] == "given"
        for trace in ("folder", "x", "EVIL", "7777"):
            assert trace not in seen.stdout.decode().split("/dev/shm:")[-1].split(), seen
        assert seen.stdout.endswith(b"given"), seen
        dvm_workspace.exec(way)

    def test_some_were_used_again():
        assert len(names) == len(WAYS)
        print("WORKSPACES", len(set(names)))
"""


def test_no_test_sees_another_and_few_workspaces_do(docker_project: Project, left: Left) -> None:
    docker_project.write("test_it.py", DIRTY)

    outcome = docker_project.run("-s")

    assert outcome.counts() == {"passed": 13}, outcome.output
    assert int(outcome.output.partition("WORKSPACES ")[2].split()[0]) < 12
    assert left.everything() == []


def test_what_keeps_a_memory_is_new_each_time(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        import pytest

        names = []

        @pytest.mark.dvm(command=["sleep", "1000"])
        @pytest.mark.parametrize("n", range(4))
        def test_it(dvm_workspace, n):
            names.append(dvm_workspace.name)

        def test_all_are_others():
            assert len(set(names)) == 4
        """,
    )

    assert docker_project.run().counts() == {"passed": 5}
    assert left.everything() == []


def test_fixed_ports_are_free_for_the_next_test(docker_project: Project, left: Left) -> None:
    docker_project.write(
        "test_it.py",
        """
        import socket
        import pytest
        from dvm_runtimes import Port

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            PORT = free.getsockname()[1]

        @pytest.mark.dvm(ports=[Port(80, host=PORT)])
        @pytest.mark.parametrize("n", range(3))
        def test_it(dvm_workspace, n):
            assert dvm_workspace.port(80).port == PORT
        """,
    )

    outcome = docker_project.run()
    assert outcome.counts() == {"passed": 3}, outcome.output
    assert left.everything() == []
