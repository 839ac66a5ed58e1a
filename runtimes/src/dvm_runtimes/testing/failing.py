"""Failing and closing: typed errors that say what to do, within the time that was given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from dvm_runtimes.errors import (
    DvmError,
    NameConflictError,
    OperationCancelledError,
    OperationTimeoutError,
    RuntimeUnavailableError,
)
from dvm_runtimes.infos import Capabilities, WorkspaceStatus
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import ExecOptions
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed

CALLS: dict[str, Callable[[ContainerRuntime, str, Any], Any]] = {
    "version": lambda runtime, name, limits: runtime.version(**limits),
    "image_exists": lambda runtime, name, limits: runtime.image_exists("a:1", **limits),
    "list_images": lambda runtime, name, limits: runtime.list_images(**limits),
    "get_workspace_status": lambda runtime, name, limits: runtime.get_workspace_status(name, **limits),
    "list_workspaces": lambda runtime, name, limits: runtime.list_workspaces(**limits),
    "find_workspace": lambda runtime, name, limits: runtime.find_workspace(name, **limits),
    "stop_workspace": lambda runtime, name, limits: runtime.stop_workspace(name, **limits),
    "remove_workspace": lambda runtime, name, limits: runtime.remove_workspace(name, **limits),
    "stop_all_workspaces": lambda runtime, name, limits: runtime.stop_all_workspaces(**limits),
    "exec_in_workspace": lambda runtime, name, limits: runtime.exec_in_workspace(name, ["true"], **limits),
    "open_terminal": lambda runtime, name, limits: runtime.open_terminal(name, **limits),
    "workspace_logs": lambda runtime, name, limits: list(runtime.workspace_logs(name, **limits)),
    "published_ports": lambda runtime, name, limits: runtime.published_ports(name, **limits),
    "watch_workspaces": lambda runtime, name, limits: runtime.watch_workspaces(**limits),
}
"""Calls that ask the engine something."""


class FailureConformance(ConformanceCase):
    """What every method does when it cannot do its work."""

    # About itself

    def test_runtime_says_what_it_is(self, runtime: ContainerRuntime) -> None:
        """Its names, its endpoint, its engine's version, and what it can do, with a reason for each thing it cannot."""
        for text in (runtime.runtime_type, runtime.platform_type, runtime.platform_name, runtime.endpoint):
            assert text == text.strip() != ""
        assert runtime.version(timeout=LIMIT).strip()
        assert isinstance(runtime.capabilities, Capabilities)
        assert all(able is True or str(able).strip() for able in runtime.capabilities.to_dict().values())

    # Time and cancelling

    @pytest.mark.parametrize("call", CALLS)
    def test_cancelled_calls_do_nothing(self, runtime: ContainerRuntime, workspace: str, call: str) -> None:
        """With ``cancel`` set already, a call raises `OperationCancelledError`, and has done nothing."""
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(OperationCancelledError) as caught:
            CALLS[call](runtime, workspace, {"cancel": cancel})
        assert_typed(caught.value, runtime, call, hint=False)
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.RUNNING

    @pytest.mark.parametrize("call", CALLS)
    def test_calls_without_time_do_nothing(self, runtime: ContainerRuntime, workspace: str, call: str) -> None:
        """With no time at all, a call raises `OperationTimeoutError`, and has done nothing."""
        with pytest.raises(OperationTimeoutError) as caught:
            CALLS[call](runtime, workspace, {"timeout": 0})
        assert_typed(caught.value, runtime, call)
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.RUNNING

    def test_start_without_time_leaves_nothing(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Neither a start that has no time nor one that is cancelled at its first step leaves anything."""
        options = bench.options()
        with pytest.raises(OperationTimeoutError):
            runtime.start_workspace(options, timeout=0)
        bench.assert_nothing_of(options)
        for stage in ("Creating", "Starting"):
            cancel = CancelToken()

            def hear(event: object, stage: str = stage, cancel: CancelToken = cancel) -> None:
                if stage in str(event):
                    cancel.set()

            with pytest.raises(OperationCancelledError):
                runtime.start_workspace(options, hear, timeout=LIMIT, cancel=cancel)
            bench.assert_nothing_of(options)

    @pytest.mark.parametrize("kind", ["stop", "stop all"])
    def test_stop_that_is_cut_short(self, runtime: ContainerRuntime, bench: Bench, kind: str) -> None:
        """A stop ends with its time, not with its grace; the workspace may still be ended later."""
        workspace = bench.start(command=["sh", "-c", "trap '' TERM; echo ready; while true; do sleep 1; done"])
        bench.await_log(workspace, b"ready\n")
        stops: dict[str, Callable[[], object]] = {
            "stop": lambda: runtime.stop_workspace(workspace, grace=600, timeout=2),
            "stop all": lambda: runtime.stop_all_workspaces(grace=600, timeout=2),
        }
        with pytest.raises(OperationTimeoutError) as caught:
            stops[kind]()
        assert_typed(caught.value, runtime, "stop_workspace" if kind == "stop" else "stop_all_workspaces")
        runtime.remove_workspace(workspace, force=True, timeout=LIMIT)

    def test_progress_that_fails_undoes_the_start(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """An exception of the caller's own comes out as it is, and nothing is left."""

        class EnoughError(Exception):
            pass

        def hear(event: object) -> None:
            if "Starting" in str(event):
                raise EnoughError

        options = bench.options()
        with pytest.raises(EnoughError):
            runtime.start_workspace(options, hear, timeout=LIMIT)
        bench.assert_nothing_of(options)

    # No engine

    def test_no_engine_is_said(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Where no engine answers, `RuntimeUnavailableError` says how to start one."""
        unreachable = bench.subject.unreachable
        if unreachable is None:
            pytest.skip(f"{runtime.platform_name}: there is no place where it is not")

        def ask() -> str:
            with unreachable() as other:
                return other.version(timeout=LIMIT)

        with pytest.raises(RuntimeUnavailableError) as caught:
            ask()
        assert caught.value.platform
        assert caught.value.hint
        assert "\n" not in str(caught.value)

    # Closing

    def test_close_ends_the_runtime_alone(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """Workspaces stay; calls of a closed runtime are `RuntimeUnavailableError`; a second close is no error."""
        second = bench.subject.new_runtime()
        assert second.get_workspace_status(workspace) is WorkspaceStatus.RUNNING
        second.close()
        second.close()
        for call in CALLS.values():
            with pytest.raises(RuntimeUnavailableError) as caught:
                call(second, workspace, {})
            assert "closed" in str(caught.value)
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.RUNNING

    def test_close_ends_what_is_open(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """Commands, logs and terminals of a runtime that is closed end, with an error rather than not at all."""
        second = bench.subject.new_runtime()
        ended: list[BaseException] = []
        ready = threading.Barrier(2)

        def run() -> None:
            try:
                options = ExecOptions(on_stdout=lambda piece: ready.wait(LIMIT))
                second.exec_in_workspace(workspace, ["sh", "-c", "echo ready; sleep 600"], options, timeout=LIMIT)
            except DvmError as error:
                ended.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        ready.wait(LIMIT)
        second.close()
        thread.join(LIMIT)
        assert not thread.is_alive()
        assert len(ended) == 1
        assert not isinstance(ended[0], OperationTimeoutError)

    # What stands in the way

    def test_conflicts_tell_who_is_there(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Somebody else's container of the wanted name is told of, and goes on."""
        options = bench.options()
        foreign = bench.foreign(options.name)
        with pytest.raises(NameConflictError) as caught:
            runtime.start_workspace(options)
        assert foreign[:12] in caught.value.detail
        assert bench.subject.outside.is_running(foreign)
