"""Stopping and removing: it ends as it was asked to, and nothing else does."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from dvm_runtimes.errors import DvmError, EngineError, InvalidOptionError, WorkspaceNotFoundError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.options import ExecOptions, Mount
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require


class EndConformance(ConformanceCase):
    """What is stopped can be started again; what is removed is gone, but for its named volumes."""

    # Stopping

    def test_stop_asks_before_it_kills(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The main process gets SIGTERM and may end in its own way."""
        script = "trap 'echo bye; exit 5' TERM; echo ready; while true; do sleep 0.02; done"
        workspace = bench.start(command=["sh", "-c", script])
        bench.await_log(workspace, b"ready\n")
        runtime.stop_workspace(workspace, grace=LIMIT)
        assert bench.logs(workspace) == b"ready\nbye\n"
        assert bench.info(workspace).exit_code == 5

    def test_stop_kills_what_does_not_listen(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """After its grace, a process that ignores SIGTERM is killed."""
        workspace = bench.start(command=["sh", "-c", "trap '' TERM; echo ready; while true; do sleep 1; done"])
        bench.await_log(workspace, b"ready\n")
        runtime.stop_workspace(workspace, grace=1)
        info = bench.info(workspace)
        assert (info.status, info.exit_code) == (WorkspaceStatus.EXITED, 137)

    def test_stop_of_the_keep_alive_needs_no_kill(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The default main process ends by SIGTERM at once, not by SIGKILL after the grace."""
        workspace = bench.start()
        runtime.stop_workspace(workspace, grace=LIMIT)
        assert bench.info(workspace).exit_code == 143

    def test_stop_again_is_no_error(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Stopping what is stopped changes nothing."""
        workspace = bench.start()
        runtime.stop_workspace(workspace)
        before = bench.info(workspace)
        runtime.stop_workspace(workspace)
        assert bench.info(workspace) == before

    def test_stop_of_a_paused_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A paused workspace is stopped, and need not be killed for it."""
        require(runtime, "pause")
        workspace = bench.start()
        bench.subject.outside.pause(workspace)
        runtime.stop_workspace(workspace, grace=LIMIT)
        info = bench.info(workspace)
        assert (info.status, info.exit_code) == (WorkspaceStatus.EXITED, 143)

    @pytest.mark.parametrize("grace", [-1, 86401, float("nan"), True, "10"])
    def test_stop_refuses_a_grace_that_is_none(self, runtime: ContainerRuntime, bench: Bench, grace: Any) -> None:
        """A grace is a number of seconds."""
        workspace = bench.start()
        for stop in (lambda: runtime.stop_workspace(workspace, grace), lambda: runtime.stop_all_workspaces(grace)):
            with pytest.raises(InvalidOptionError, match="grace"):
                stop()
        assert bench.info(workspace).status is WorkspaceStatus.RUNNING

    # Ending from inside

    @pytest.mark.parametrize("uid", [0, 1001])
    def test_kill_inside_by_the_workspaces_user(self, runtime: ContainerRuntime, bench: Bench, uid: int) -> None:
        """The first process is the workspace's user's, who ends the default main process with SIGTERM."""
        require(runtime, "user")
        workspace = bench.start(uid=uid, gid=uid)
        with suppress(DvmError):  # the command may end with the container
            assert runtime.exec_in_workspace(workspace, ["kill", "1"], timeout=LIMIT).exit_code in (0, 137)
        bench.eventually(lambda: bench.info(workspace).status is WorkspaceStatus.EXITED, "the container ended")
        assert bench.info(workspace).exit_code == 143

    def test_kill_inside_by_another_user(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The first process takes no signal from somebody else."""
        require(runtime, "user")
        workspace = bench.start(uid=1001, gid=1001)
        result = runtime.exec_in_workspace(workspace, ["kill", "1"], ExecOptions(uid=1002, gid=1002), timeout=LIMIT)
        assert (result.exit_code, b"not permitted" in result.stderr) == (1, True)
        assert bench.info(workspace).status is WorkspaceStatus.RUNNING

    # Stopping all

    def test_stop_all_stops_every_workspace(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Running and paused ones are stopped and named; stopped ones and other people's containers are left alone."""
        names = [bench.name() for _ in range(3)]
        workspaces = [bench.start(container_name=name) for name in names]
        stopped = bench.start()
        runtime.stop_workspace(stopped)
        foreign = bench.foreign(bench.name())
        if runtime.capabilities.pause:
            bench.subject.outside.pause(workspaces[0])
        result = runtime.stop_all_workspaces(timeout=LIMIT)
        assert set(names) <= set(result.stopped)
        assert bench.info(stopped).name not in result.stopped
        assert result.failed == {}
        assert {bench.info(one).status for one in [*workspaces, stopped]} == {WorkspaceStatus.EXITED}
        assert {bench.info(one).exit_code for one in workspaces} == {143}
        assert bench.subject.outside.is_running(foreign)
        assert runtime.stop_all_workspaces(timeout=LIMIT).stopped == ()

    # Removing

    def test_remove_refuses_a_running_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Without ``force`` a running workspace stays as it is."""
        workspace = bench.start()
        with pytest.raises(EngineError) as caught:
            runtime.remove_workspace(workspace)
        assert_typed(caught.value, runtime, "remove_workspace")
        assert bench.info(workspace).status is WorkspaceStatus.RUNNING

    def test_remove_takes_a_stopped_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Once removed, it is not there, and its name is free."""
        name = bench.name()
        workspace = bench.start(workspace_name=name)
        runtime.stop_workspace(workspace)
        runtime.remove_workspace(workspace)
        assert not bench.subject.outside.exists(workspace)
        assert bench.start(workspace_name=name) != workspace

    @pytest.mark.parametrize("state", ["running", "paused"])
    def test_remove_by_force(self, runtime: ContainerRuntime, bench: Bench, state: str) -> None:
        """With ``force`` it is removed from any state."""
        workspace = bench.start()
        if state == "paused":
            require(runtime, "pause")
            bench.subject.outside.pause(workspace)
        runtime.remove_workspace(workspace, force=True, timeout=LIMIT)
        assert not bench.subject.outside.exists(workspace)

    def test_remove_again_is_an_error(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What is gone cannot be removed."""
        workspace = bench.start()
        runtime.remove_workspace(workspace, force=True)
        with pytest.raises(WorkspaceNotFoundError) as caught:
            runtime.remove_workspace(workspace, force=True)
        assert_typed(caught.value, runtime, "remove_workspace")

    @pytest.mark.parametrize("volumes", [True, False])
    def test_remove_takes_only_anonymous_volumes(self, runtime: ContainerRuntime, bench: Bench, volumes: bool) -> None:
        """``volumes`` takes the volumes that the image made without a name, never those that have one."""
        require(runtime, "build", "named_volumes")
        outside = bench.subject.outside
        named, image = bench.volume(), bench.build("FROM IMAGE\nVOLUME /anonymous\n")
        workspace = bench.start(image_name=image, mounts=[Mount(named, "/named", "volume")])
        mounted = outside.volumes_of(workspace)
        if mounted is None:
            pytest.skip(f"{runtime.platform_name}: it does not tell of its volumes")
        anonymous = [name for name in mounted if name != named]
        assert (len(anonymous), len(mounted)) == (1, 2)
        for name in anonymous:
            bench.own_volume(name)
        runtime.remove_workspace(workspace, force=True, volumes=volumes)
        assert outside.volume_exists(named)
        assert outside.volume_exists(anonymous[0]) is not volumes
