"""Statuses: every state that a workspace can be in, by the same word from every method."""

from __future__ import annotations

import pytest

from dvm_runtimes.infos import EventKind, WorkspaceStatus
from dvm_runtimes.options import StartOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import IMAGE, OWNER

from .case import Bench, ConformanceCase, require


class StatusConformance(ConformanceCase):
    """The state is the engine's, whoever brought it about."""

    def assert_status(self, runtime: ContainerRuntime, workspace: str, status: WorkspaceStatus) -> None:
        """The status, the look-up and the list all say so."""
        assert runtime.get_workspace_status(workspace) is status
        found = runtime.find_workspace(workspace)
        assert found is not None
        assert found.status is status
        assert [info.status for info in runtime.list_workspaces() if info.id == workspace] == [status]

    def labels(self, options: StartOptions) -> dict[str, str]:
        """What makes a container this workspace."""
        return {**options.identity.labels(), IMAGE: options.image_name, OWNER: options.owner}

    def test_status_of_what_is_not_there(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``not_found``, which is no error."""
        assert runtime.get_workspace_status(bench.name()) is WorkspaceStatus.NOT_FOUND

    def test_status_over_a_life(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Running, stopped, running again, removed."""
        options = bench.options()
        workspace = runtime.start_workspace(options)
        self.assert_status(runtime, workspace, WorkspaceStatus.RUNNING)
        runtime.stop_workspace(workspace)
        self.assert_status(runtime, workspace, WorkspaceStatus.EXITED)
        runtime.start_workspace(options)
        self.assert_status(runtime, workspace, WorkspaceStatus.RUNNING)
        runtime.remove_workspace(workspace, force=True)
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.NOT_FOUND
        assert runtime.find_workspace(workspace) is None

    def test_status_paused(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A frozen one is paused, not running."""
        require(runtime, "pause")
        workspace = bench.start()
        bench.subject.outside.pause(workspace)
        self.assert_status(runtime, workspace, WorkspaceStatus.PAUSED)
        bench.subject.outside.unpause(workspace)
        self.assert_status(runtime, workspace, WorkspaceStatus.RUNNING)

    def test_status_created(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One that was made and never ran has neither a start nor an exit code."""
        options = bench.options()
        workspace = bench.outsider(
            bench.subject.outside.create_unstarted(options.name, self.labels(options)),
            "nothing here is made without being started",
        )
        self.assert_status(runtime, workspace, WorkspaceStatus.CREATED)
        info = bench.info(workspace)
        assert (info.started, info.exit_code) == (None, None)

    def test_status_restarting(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One that fails and that the engine starts again and again is restarting; it can be stopped and removed."""
        options = bench.options()
        workspace = bench.outsider(
            bench.subject.outside.create_restarting(options.name, self.labels(options)),
            "nothing here is started again by itself",
        )
        bench.eventually(
            lambda: runtime.get_workspace_status(workspace) is WorkspaceStatus.RESTARTING, "it is restarting"
        )
        runtime.stop_workspace(workspace)
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.EXITED

    @pytest.mark.parametrize("code", [0, 3])
    def test_status_tells_how_it_ended(self, runtime: ContainerRuntime, bench: Bench, code: int) -> None:
        """A main process that ends by itself leaves its exit code."""
        path = bench.path()
        workspace = bench.start(command=["sh", "-c", f"while [ ! -e {path} ]; do sleep 0.02; done; exit {code}"])
        assert bench.info(workspace).exit_code is None
        events = bench.events()
        bench.let_end(workspace, path)
        assert events.wait_for(EventKind.STOPPED, workspace).workspace.exit_code == code
        info = bench.info(workspace)
        assert (info.status, info.exit_code) == (WorkspaceStatus.EXITED, code)

    def test_status_after_a_kill(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One that was killed from outside has 128 and the signal's number."""
        workspace = bench.start()
        bench.subject.outside.kill(workspace)
        info = bench.info(workspace)
        assert (info.status, info.exit_code) == (WorkspaceStatus.EXITED, 137)
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.EXITED
