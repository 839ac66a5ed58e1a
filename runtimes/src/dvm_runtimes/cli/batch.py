"""Run one action on each of several workspaces; a failure does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dvm_runtimes.errors import DvmError
from dvm_runtimes.infos import WorkspaceInfo, WorkspaceStatus
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime

from .error_report import BatchError
from .invocation import Invocation
from .output import print_done, print_json
from .runtimes import open_runtime
from .target import find_target

Action = Callable[[ContainerRuntime, WorkspaceInfo, CancelToken], WorkspaceInfo]

_AT_ONCE = 8
_ENDED = (WorkspaceStatus.EXITED, WorkspaceStatus.CREATED, WorkspaceStatus.DEAD, WorkspaceStatus.REMOVING)


def run_on_each(invocation: Invocation, runtime: str | None, names: Sequence[str], action: Action, done: str) -> None:
    """Find each workspace, run the action on it, and print the resulting workspace.

    Args:
        invocation: this run.
        runtime: the value of ``--runtime``.
        names: the workspaces; empty for the active one.
        action: returns the workspace as it is afterwards.
        done: what was done, for the output: ``"is stopped"``.

    Raises:
        DvmError: there is one workspace, and the action failed.
        BatchError: there are several, and the action failed for some.
    """
    with open_runtime(invocation, runtime) as (chosen, cancel):
        results = _act(chosen, cancel, [*dict.fromkeys(names)] or [None], action)
    if len(results) == 1 and isinstance(only := results[0][1], DvmError):
        raise only
    _print(invocation, results, done)


def run_on_running(invocation: Invocation, runtime: str | None, action: Action, done: str) -> None:
    """Run the action on every workspace that runs; see `run_on_each`."""
    with open_runtime(invocation, runtime) as (chosen, cancel):
        found = chosen.list_workspaces(cancel=cancel)
        running = [one.name for one in found if one.status not in _ENDED]
        results = _act(chosen, cancel, running, action)
    _print(invocation, results, done)


def _act(
    runtime: ContainerRuntime, cancel: CancelToken, names: Sequence[str | None], action: Action
) -> list[tuple[str, WorkspaceInfo | DvmError]]:
    def act(name: str | None) -> tuple[str, WorkspaceInfo | DvmError]:
        try:
            return name or "", action(runtime, find_target(name, runtime, cancel), cancel)
        except DvmError as error:
            return name or "", error

    if len(names) < 2:
        return [act(name) for name in names]
    from concurrent.futures import ThreadPoolExecutor  # slow to load

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dvm-each") as pool:
        return list(pool.map(act, names))


def _print(invocation: Invocation, results: list[tuple[str, WorkspaceInfo | DvmError]], done: str) -> None:
    succeeded = [result for _, result in results if isinstance(result, WorkspaceInfo)]
    failed = {name: result for name, result in results if isinstance(result, DvmError)}
    if not invocation.json:
        for one in succeeded:
            print_done(one.name, done)
    elif not failed:
        print_json([one.to_dict() for one in succeeded])
    if failed:
        raise BatchError(failed, succeeded)
