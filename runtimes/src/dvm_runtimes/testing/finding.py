"""Finding and listing: a name means one workspace, exactly, or none."""

from __future__ import annotations

from typing import Any

import pytest

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import OWNER

from .case import Bench, ConformanceCase


class FindConformance(ConformanceCase):
    """By ID, unique ID prefix, container name and workspace name; ours only."""

    def test_find_by_every_name_it_has(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """All of them give the same workspace, running or stopped."""
        name = bench.name()
        workspace = bench.start(app_name="shop", workspace_name=name)
        for status in (WorkspaceStatus.RUNNING, WorkspaceStatus.EXITED):
            for reference in (workspace, workspace[:12], workspace[:20], f"dvm-shop-{name}", name):
                found = runtime.find_workspace(reference)
                assert found is not None, reference
                assert (found.id, found.status) == (workspace, status)
            runtime.stop_workspace(workspace)

    def test_find_is_exact(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Neither part of a name nor a pattern finds anything."""
        name = bench.name()
        bench.start(workspace_name=name)
        for reference in (name[:-1], f"{name}2", f"dvm-{name}x", f"dvm-{name[:-1]}", ".*", "dvm-", f"/dvm-{name}"):
            assert runtime.find_workspace(reference) is None, reference

    def test_find_tells_names_with_one_beginning_apart(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A name that another one begins with means its own workspace."""
        name = bench.name()
        second = bench.start(workspace_name=f"{name}2")
        assert runtime.find_workspace(name) is None
        first = bench.start(workspace_name=name)
        assert bench.info(name).id == bench.info(f"dvm-{name}").id == first
        assert bench.info(f"{name}2").id == second

    def test_find_does_not_guess(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A workspace name that two apps use is an error that names both; their container names work."""
        name = bench.name()
        workspaces = {app: bench.start(app_name=app, workspace_name=name) for app in ("shop", "mail")}
        for ask in (runtime.find_workspace, runtime.get_workspace_status, runtime.stop_workspace):
            with pytest.raises(InvalidOptionError, match=name) as caught:
                ask(name)
            assert f"dvm-mail-{name}, dvm-shop-{name}" in str(caught.value)
        for app, workspace in workspaces.items():
            info = bench.info(f"dvm-{app}-{name}")
            assert (info.id, info.app, info.status) == (workspace, app, WorkspaceStatus.RUNNING)

    def test_find_prefers_a_name_to_the_beginning_of_an_id(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A workspace that is called as another one's ID begins is meant by that name."""
        first = bench.start()
        second = bench.start(workspace_name=first[:12])
        assert bench.info(first[:12]).id == second
        assert bench.info(first).id == first

    @pytest.mark.parametrize("reference", ["", "  ", "a\nb", "a\0b", "x" * 257, None, 7])
    def test_find_refuses_what_is_no_name(self, runtime: ContainerRuntime, reference: Any) -> None:
        """What can name nothing is refused before the engine is asked."""
        with pytest.raises(InvalidOptionError, match="workspace"):
            runtime.find_workspace(reference)

    @pytest.mark.parametrize("reference", ["../x", "a/b", "x?all=1", "#", "%2e", "--help", "a b", "'", "\u00fc"])
    def test_find_takes_any_text_for_a_name(self, runtime: ContainerRuntime, reference: str) -> None:
        """Characters that mean something in a URL or on a command line are part of a name that is not there."""
        assert runtime.find_workspace(reference) is None
        assert runtime.get_workspace_status(reference) is WorkspaceStatus.NOT_FOUND

    # Lists

    def test_list_has_every_state(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Stopped workspaces are listed too, sorted by name, each as a look-up gives it."""
        names = sorted(bench.name() for _ in range(3))
        workspaces = [bench.start(container_name=name) for name in reversed(names)][::-1]
        runtime.stop_workspace(workspaces[1])
        listed = runtime.list_workspaces({OWNER: bench.owner})
        assert [info.name for info in listed] == names
        assert [info.id for info in listed] == workspaces
        for info in listed:
            found = bench.info(info.id)
            for field in ("name", "status", "image", "app", "workspace", "labels", "runtime", "ports"):
                assert getattr(info, field) == getattr(found, field), field
            assert int(info.created) == int(found.created)

    def test_list_takes_labels(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """All of the labels must match; an empty value stands for any."""
        red = bench.start(labels={"team": "red", "tier": "1"})
        blue = bench.start(labels={"team": "blue", "tier": "1"})
        bench.start()

        def listed(**labels: str) -> set[str]:
            return {info.id for info in runtime.list_workspaces({**labels, OWNER: bench.owner})}

        assert listed(team="red") == {red}
        assert listed(tier="1") == {red, blue}
        assert listed(team="") == {red, blue}
        assert listed(team="red", tier="2") == set()
        assert len(listed()) == 3

    def test_list_cannot_be_made_to_show_others(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Asking for containers that are not ours gives ours, or nothing."""
        foreign = bench.foreign(bench.name())
        for labels in (None, {}, {"io.devopsmaestro.managed": ""}, {"io.devopsmaestro.managed": "false"}):
            assert foreign not in [info.id for info in runtime.list_workspaces(labels)]
