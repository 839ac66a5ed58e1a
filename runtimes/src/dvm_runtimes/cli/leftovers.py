"""What may be removed because nobody needs it any more, and how that is known.

Each source looks at one kind of evidence; `SOURCES` is the place for another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
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
class Leftover:
    """A workspace that may be removed.

    Attributes:
        workspace: which one.
        reason: a stable word: `EXPIRED` or `OWNER_GONE`.
    """

    workspace: WorkspaceInfo
    reason: str


Source = Callable[[ContainerRuntime, CancelToken], Iterable[Leftover]]


def by_labels(runtime: ContainerRuntime, cancel: CancelToken) -> Iterable[Leftover]:
    """Workspaces whose time has passed, or whose owner was a process of this machine that is gone."""
    now = time.time()
    for workspace in runtime.list_workspaces(cancel=cancel):
        if _passed(workspace.labels.get(EXPIRES, ""), now):
            yield Leftover(workspace, EXPIRED)
        elif is_dead(workspace.labels.get(OWNER, "")):
            yield Leftover(workspace, OWNER_GONE)


def by_ledgers(runtime: ContainerRuntime, cancel: CancelToken) -> Iterable[Leftover]:
    """What test runs recorded and did not remove: their ledgers outlive them. See `dvm_runtimes.cleanup.ledger`."""
    key = engine_key(runtime)
    for file in abandoned():
        for thing in left(file):
            if thing.engine == key and thing.kind == "container":
                workspace = runtime.find_workspace(thing.name, cancel=cancel)
                if workspace is not None and workspace.name == thing.name:
                    yield Leftover(workspace, OWNER_GONE)


SOURCES: tuple[Source, ...] = (by_labels, by_ledgers)


def find(runtime: ContainerRuntime, cancel: CancelToken) -> list[Leftover]:
    """All that any source tells of, each workspace once."""
    found: dict[str, Leftover] = {}
    for source in SOURCES:
        for leftover in source(runtime, cancel):
            found.setdefault(leftover.workspace.id, leftover)
    return list(found.values())


def _passed(expires: str, now: float) -> bool:
    try:
        return float(expires) <= now
    except ValueError:
        return False  # no label, or not one of ours: it stays
