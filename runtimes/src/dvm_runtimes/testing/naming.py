"""Names: a container that is not ours is never seen and never touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from dvm_runtimes.errors import NameConflictError, WorkspaceNotFoundError
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed

USES: dict[str, Callable[[ContainerRuntime, str, Bench], Any]] = {
    "stop_workspace": lambda runtime, name, bench: runtime.stop_workspace(name, timeout=LIMIT),
    "remove_workspace": lambda runtime, name, bench: runtime.remove_workspace(name, force=True, timeout=LIMIT),
    "exec_in_workspace": lambda runtime, name, bench: runtime.exec_in_workspace(name, ["true"], timeout=LIMIT),
    "open_terminal": lambda runtime, name, bench: runtime.open_terminal(name, timeout=LIMIT),
    "attach_to_workspace": lambda runtime, name, bench: runtime.attach_to_workspace(name, timeout=LIMIT),
    "workspace_logs": lambda runtime, name, bench: list(runtime.workspace_logs(name, timeout=LIMIT)),
    "copy_to_workspace": lambda runtime, name, bench: runtime.copy_to_workspace(name, bench.folder(), "/tmp"),  # noqa: S108
    "copy_from_workspace": lambda runtime, name, bench: runtime.copy_from_workspace(
        name, "/etc/passwd", bench.folder()
    ),
    "published_ports": lambda runtime, name, bench: runtime.published_ports(name, timeout=LIMIT),
}
"""Each method that needs a workspace to be there."""


class NamingConformance(ConformanceCase):
    """The managed label alone makes a container ours, and its labels say whose workspace it is."""

    @pytest.mark.parametrize("on_drift", ["recreate", "reuse", "error"])
    def test_a_foreign_container_keeps_its_name(
        self, runtime: ContainerRuntime, bench: Bench, on_drift: Literal["recreate", "reuse", "error"]
    ) -> None:
        """A name that somebody else's container has is `NameConflictError`; that one goes on as it was."""
        options = bench.options(on_drift=on_drift)
        foreign = bench.foreign(options.name)
        with pytest.raises(NameConflictError, match=options.name) as caught:
            runtime.start_workspace(options, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_workspace")
        assert bench.subject.outside.is_running(foreign)
        assert bench.names_left() == []

    @pytest.mark.parametrize("operation", USES)
    def test_a_foreign_container_is_no_workspace(self, runtime: ContainerRuntime, bench: Bench, operation: str) -> None:
        """No method touches somebody else's container, be it asked for by name or by ID."""
        name = bench.name()
        foreign = bench.foreign(name)
        for reference in (name, foreign, foreign[:12]):
            with pytest.raises(WorkspaceNotFoundError) as caught:
                USES[operation](runtime, reference, bench)
            assert_typed(caught.value, runtime, operation)
        assert bench.subject.outside.is_running(foreign)

    def test_a_foreign_container_is_not_seen(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Look-ups and lists know nothing of somebody else's container."""
        name = bench.name()
        foreign = bench.foreign(name)
        for reference in (name, foreign):
            assert runtime.find_workspace(reference) is None
            assert runtime.get_workspace_status(reference) is WorkspaceStatus.NOT_FOUND
        assert foreign not in [info.id for info in runtime.list_workspaces()]

    @pytest.mark.parametrize("on_drift", ["recreate", "reuse", "error"])
    def test_another_workspace_keeps_its_name(
        self, runtime: ContainerRuntime, bench: Bench, on_drift: Literal["recreate", "reuse", "error"]
    ) -> None:
        """Two workspaces that ask for one container name: the second is `NameConflictError`, the first goes on."""
        name = bench.name()
        first = bench.start(container_name=name, workspace_name="dev", app_name="shop")
        before = bench.info(first)
        second = bench.options(container_name=name, workspace_name="dev", app_name="mail", on_drift=on_drift)
        with pytest.raises(NameConflictError, match=name) as caught:
            runtime.start_workspace(second, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_workspace")
        assert bench.info(first) == before

    def test_a_stopped_workspace_of_somebody_else_keeps_its_name(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """That it does not run makes another's workspace nobody's prey."""
        name = bench.name()
        first = bench.start(container_name=name, workspace_name="dev", app_name="shop")
        runtime.stop_workspace(first)
        with pytest.raises(NameConflictError):
            runtime.start_workspace(bench.options(container_name=name, workspace_name="dev", app_name="mail"))
        assert bench.info(first).status is WorkspaceStatus.EXITED

    def test_folders_of_one_name_have_each_their_own(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What identifies a folder's workspace is its path: the second start replaces nothing of the first."""
        folders = [bench.folder() / "app", bench.folder() / "app"]
        ids = []
        for folder in folders:
            folder.mkdir()
            ids.append(bench.start(workspace_name="", folder=folder))
        assert len(set(ids)) == 2
        for folder, workspace in zip(folders, ids, strict=True):
            info = bench.info(workspace)
            assert (info.folder, info.workspace) == (str(folder.resolve()), "app")
            assert [one.id for one in runtime.list_workspaces(FolderIdentity.of(folder).labels)] == [workspace]
        changed = bench.start(workspace_name="", folder=folders[1], env={"CHANGED": "1"})
        assert runtime.get_workspace_status(ids[0]) is WorkspaceStatus.RUNNING
        assert runtime.get_workspace_status(ids[1]) is WorkspaceStatus.NOT_FOUND
        assert bench.info(changed).folder == str(folders[1].resolve())

    def test_a_folder_has_one_workspace_whatever_it_is_called(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Another name for the same folder is a changed option, reached through a link or not."""
        folder = bench.folder()
        first = bench.start(workspace_name="", folder=folder)
        link = bench.folder() / "link"
        link.symlink_to(folder)
        assert bench.start(workspace_name="", folder=link) == first
        second = bench.start(workspace_name="renamed", folder=folder)
        assert runtime.get_workspace_status(first) is WorkspaceStatus.NOT_FOUND
        assert [one.id for one in runtime.list_workspaces(FolderIdentity.of(folder).labels)] == [second]

    def test_another_folders_workspace_keeps_its_name(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Not even a container name that is given by hand takes it from its folder."""
        name = bench.name()
        first = bench.start(container_name=name, folder=bench.folder())
        for theirs in ({"folder": bench.folder()}, {"workspace_name": "dev"}):
            with pytest.raises(NameConflictError, match="folder") as caught:
                runtime.start_workspace(bench.options(container_name=name, **theirs), timeout=LIMIT)
            assert_typed(caught.value, runtime, "start_workspace")
        assert bench.info(first).status is WorkspaceStatus.RUNNING

    @pytest.mark.parametrize("operation", USES)
    def test_a_missing_workspace_is_named(self, runtime: ContainerRuntime, bench: Bench, operation: str) -> None:
        """Each method that needs a workspace says which one is not there, and how to see those that are."""
        name = bench.name()
        with pytest.raises(WorkspaceNotFoundError, match=name) as caught:
            USES[operation](runtime, name, bench)
        assert_typed(caught.value, runtime, operation)
