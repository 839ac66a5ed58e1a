"""Workspaces that ``dvm gc`` may remove: expired ones, and those whose owner is gone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from dvm_runtimes.cleanup.ledger import abandoned, engine_key, left
from dvm_runtimes.cleanup.ownership import is_dead
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import EXPIRES, OWNER

EXPIRED = "expired"
OWNER_GONE = "owner_gone"


@dataclass(frozen=True, slots=True)
class StaleWorkspace:
    """A workspace that may be removed.

    Attributes:
        workspace: the workspace.
        reason: `EXPIRED` or `OWNER_GONE`.
    """

    workspace: WorkspaceInfo
    reason: str


def _by_labels(runtime: ContainerRuntime, cancel: CancelToken) -> Iterable[StaleWorkspace]:
    """Workspaces whose labels hold a time that has passed, or an owner that is gone."""
    now = time.time()
    for workspace in runtime.list_workspaces(cancel=cancel):
        if _passed(workspace.labels.get(EXPIRES, ""), now):
            yield StaleWorkspace(workspace, EXPIRED)
        elif is_dead(workspace.labels.get(OWNER, "")):
            yield StaleWorkspace(workspace, OWNER_GONE)


def _by_ledgers(runtime: ContainerRuntime, cancel: CancelToken) -> Iterable[StaleWorkspace]:
    """Workspaces in the ledgers of processes that are gone; see `dvm_runtimes.cleanup.ledger`."""
    key = engine_key(runtime)
    for file in abandoned():
        for thing in left(file):
            if thing.engine == key and thing.kind == "container":
                workspace = runtime.find_workspace(thing.name, cancel=cancel)
                if workspace is not None and workspace.name == thing.name:
                    yield StaleWorkspace(workspace, OWNER_GONE)


def find_stale(runtime: ContainerRuntime, cancel: CancelToken) -> list[StaleWorkspace]:
    """Every stale workspace, once."""
    found: dict[str, StaleWorkspace] = {}
    for stale in [*_by_labels(runtime, cancel), *_by_ledgers(runtime, cancel)]:
        found.setdefault(stale.workspace.id, stale)
    return list(found.values())


def _passed(expires: str, now: float) -> bool:
    try:
        return float(expires) <= now
    except ValueError:
        return False  # no label, or not one of ours
