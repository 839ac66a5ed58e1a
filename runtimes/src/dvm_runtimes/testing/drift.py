"""Drift: a workspace of ours exists, but its options or its image are not what is asked for now."""

from __future__ import annotations

from typing import Any

import pytest

from dvm_runtimes.errors import DvmError, ImageNotFoundError, NameConflictError, WorkspaceNotRunningError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.options import Mount, Port
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.waiting import LogLine

from .case import LIMIT, MISSING_IMAGE, Bench, ConformanceCase, assert_typed, require

CHANGES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "env": ((), {"env": {"WHICH": "changed"}}),
    "command": ((), {"command": ["sleep", "infinity"]}),
    "working_dir": ((), {"working_dir": "/srv"}),
    "labels": ((), {"labels": {"team": "red"}}),
    "network_mode": (("network_modes",), {"network_mode": "none"}),
    "memory": (("resource_limits",), {"memory": "256m"}),
    "cpus": (("resource_limits",), {"cpus": 0.5}),
    "pids_limit": (("resource_limits",), {"pids_limit": 100}),
    "user": (("user",), {"uid": 1234, "gid": 1234}),
    "cap_add": (("capabilities",), {"cap_add": ["NET_RAW"]}),
    "read_only_root": (("read_only_root",), {"read_only_root": True}),
    "ports": (("ports",), {"ports": [Port(8080)]}),
    "tmpfs": (("tmpfs",), {"mounts": [Mount("", "/scratch", "tmpfs")]}),
    "extra_hosts": (("extra_hosts",), {"extra_hosts": {"db.test": "192.0.2.7"}}),
}
"""Options that make another container, with the capabilities that they need."""


class DriftConformance(ConformanceCase):
    """``on_drift`` decides, and the old container is not lost before the new one can do its work."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_drift_of_any_option_recreates(self, runtime: ContainerRuntime, bench: Bench, change: str) -> None:
        """Asking for other options gives a workspace that has them, under the same name, and nothing else."""
        needs, options = CHANGES[change]
        require(runtime, *needs)
        name = bench.name()
        old = bench.start(workspace_name=name)
        new = bench.start(workspace_name=name, **options)
        assert new != old
        assert not bench.subject.outside.exists(old)
        assert [(info.id, info.status) for info in runtime.list_workspaces() if info.workspace == name] == [
            (new, WorkspaceStatus.RUNNING)
        ]
        assert bench.start(workspace_name=name, **options) == new

    def test_drift_brings_the_new_options(self, bench: Bench) -> None:
        """The workspace after a recreation is the one that was asked for last."""
        name = bench.name()
        bench.start(workspace_name=name, env={"WHICH": "old"})
        new = bench.start(workspace_name=name, env={"WHICH": "new"})
        assert bench.sh(new, "printenv WHICH") == "new\n"

    def test_drift_of_a_bind_mount_recreates(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Another folder at the same place is another workspace."""
        require(runtime, "bind_mounts")
        name, first, second = bench.name(), bench.folder(), bench.folder()
        (second / "file").write_text("second")
        old = bench.start(workspace_name=name, app_path=first)
        new = bench.start(workspace_name=name, app_path=second)
        assert new != old
        assert bench.sh(new, "cat /workspace/file") == "second"

    @pytest.mark.parametrize("state", ["stopped", "paused"])
    def test_drift_recreates_from_any_state(self, runtime: ContainerRuntime, bench: Bench, state: str) -> None:
        """A stopped or paused workspace with other options is replaced as a running one is."""
        if state == "paused":
            require(runtime, "pause")
        name = bench.name()
        old = bench.start(workspace_name=name)
        if state == "paused":
            bench.subject.outside.pause(old)
        else:
            runtime.stop_workspace(old)
        new = bench.start(workspace_name=name, env={"WHICH": "new"})
        assert not bench.subject.outside.exists(old)
        assert bench.info(new).status is WorkspaceStatus.RUNNING

    def test_drift_reuse_keeps_the_old_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``on_drift="reuse"`` returns what is there, unchanged."""
        name = bench.name()
        old = bench.start(workspace_name=name, env={"WHICH": "old"})
        before = bench.info(old)
        assert bench.start(workspace_name=name, env={"WHICH": "new"}, on_drift="reuse") == old
        assert bench.info(old) == before

    def test_drift_reuse_starts_a_stopped_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``on_drift="reuse"`` brings a stopped workspace back as it was."""
        name = bench.name()
        old = bench.start(workspace_name=name, env={"WHICH": "old"})
        runtime.stop_workspace(old)
        assert bench.start(workspace_name=name, env={"WHICH": "new"}, on_drift="reuse") == old
        assert bench.sh(old, "printenv WHICH") == "old\n"

    def test_drift_error_changes_nothing(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``on_drift="error"`` is `NameConflictError`, and the workspace goes on as it was."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        before = bench.info(old)
        with pytest.raises(NameConflictError) as caught:
            bench.start(workspace_name=name, env={"WHICH": "new"}, on_drift="error")
        assert_typed(caught.value, runtime, "start_workspace")
        assert bench.info(old) == before

    def test_drift_of_the_image_recreates(self, bench: Bench) -> None:
        """Another image is another workspace."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        new = bench.start(workspace_name=name, image_name=bench.subject.other_image)
        assert new != old
        assert bench.info(new).image == bench.subject.other_image

    def test_drift_of_the_image_under_its_name_recreates(self, bench: Bench) -> None:
        """An image that was built anew under the same name is another image."""
        name, image = bench.name(), bench.image()
        old = bench.start(workspace_name=name, image_name=image)
        bench.subject.outside.retag(bench.subject.other_image, image)
        new = bench.start(workspace_name=name, image_name=image)
        assert new != old
        assert bench.info(new).image == image
        assert not bench.subject.outside.exists(old)

    def test_drift_of_the_image_under_its_name_can_be_ignored(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``reuse`` keeps the workspace of the old image; ``error`` tells of the new one."""
        name, image = bench.name(), bench.image()
        old = bench.start(workspace_name=name, image_name=image)
        bench.subject.outside.retag(bench.subject.other_image, image)
        assert bench.start(workspace_name=name, image_name=image, on_drift="reuse") == old
        with pytest.raises(NameConflictError):
            bench.start(workspace_name=name, image_name=image, on_drift="error")
        assert bench.info(old).status is WorkspaceStatus.RUNNING

    def test_no_drift_by_another_name_of_the_same_image(self, bench: Bench) -> None:
        """It is the image that counts, not its name."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        assert bench.start(workspace_name=name, image_name=bench.image()) == old

    def test_drift_keeps_named_volumes(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What a workspace wrote to a named volume is there after it was recreated."""
        require(runtime, "named_volumes")
        name, mounts = bench.name(), [Mount(bench.volume(), "/data", "volume")]
        old = bench.start(workspace_name=name, mounts=mounts, uid=0, gid=0)
        bench.sh(old, "echo kept > /data/file")
        new = bench.start(workspace_name=name, mounts=mounts, uid=0, gid=0, env={"WHICH": "new"})
        assert new != old
        assert bench.sh(new, "cat /data/file") == "kept\n"

    # A recreation that fails

    def test_failed_recreation_keeps_the_old_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """When the new one dies before it is ready, the old one runs as before, with what was written in it."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        bench.sh(old, "echo kept > /tmp/file")
        with pytest.raises(WorkspaceNotRunningError) as caught:
            bench.start(
                workspace_name=name, command=["sh", "-c", "echo no luck; exit 3"], ready=LogLine("^never printed$")
            )
        assert_typed(caught.value, runtime, "start_workspace")
        assert caught.value.logs == "no luck"
        info = bench.info(name)
        assert (info.id, info.name, info.status) == (old, f"dvm-{name}", WorkspaceStatus.RUNNING)
        assert bench.sh(old, "cat /tmp/file") == "kept\n"

    def test_failed_recreation_leaves_a_stopped_one_stopped(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What did not run before does not run after a recreation that failed."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        runtime.stop_workspace(old)
        with pytest.raises(DvmError):
            bench.start(workspace_name=name, command=["false"], ready=LogLine("^never printed$"))
        info = bench.info(name)
        assert (info.id, info.name, info.status) == (old, f"dvm-{name}", WorkspaceStatus.EXITED)

    @pytest.mark.parametrize("pull", ["missing", "never"])
    def test_recreation_from_a_missing_image_does_not_touch_the_old_one(
        self, runtime: ContainerRuntime, bench: Bench, pull: str
    ) -> None:
        """Without the new image the old workspace is not even stopped."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        before = bench.info(old)
        with pytest.raises(ImageNotFoundError):
            bench.start(workspace_name=name, image_name=MISSING_IMAGE, pull=pull)
        assert bench.info(old) == before

    def test_recreation_that_times_out_keeps_the_old_one(
        self, runtime: ContainerRuntime, bench: Bench, patience: float
    ) -> None:
        """A recreation that is not ready in time is undone like one that failed."""
        name = bench.name()
        old = bench.start(workspace_name=name)
        options = bench.options(workspace_name=name, env={"WHICH": "new"}, ready=LogLine("^never printed$"))
        with pytest.raises(TimeoutError):
            runtime.start_workspace(options, timeout=patience)
        info = bench.info(name)
        assert (info.id, info.status) == (old, WorkspaceStatus.RUNNING)
        assert bench.start(workspace_name=name, on_drift="error") == old

    def test_reuse_needs_no_image(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A workspace whose image lost its name can still be started with ``on_drift="reuse"``."""
        name, image = bench.name(), bench.image()
        old = bench.start(workspace_name=name, image_name=image)
        runtime.remove_image(image, force=True)
        runtime.stop_workspace(old)
        assert bench.start(workspace_name=name, image_name=image, on_drift="reuse", pull="never") == old
        assert runtime.start_workspace(bench.options(workspace_name=name), timeout=LIMIT) == old
