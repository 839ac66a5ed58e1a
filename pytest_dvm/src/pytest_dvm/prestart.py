"""Starts in advance what the collected tests will ask for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dvm_runtimes.errors import DvmError

from .plugin import request_of, runtime_name
from .request import WorkspaceRequest, parse_request

if TYPE_CHECKING:
    from .run import Run

AT_FIRST = 2
"""Kinds of workspaces that are started before the first test; the others when their first test takes one."""


def prestart(run: Run, items: list[pytest.Item]) -> None:
    """Announce the workspaces that ``items`` will take, in their order.

    An invalid request is left for its test to report.
    """
    kinds: dict[tuple[str, str], WorkspaceRequest] = {}
    tests: Counter[tuple[str, str]] = Counter()
    shared: dict[tuple[str, str], WorkspaceRequest] = {}
    for item in items:
        name = runtime_name(item, item.config)
        names: list[str] = getattr(item, "fixturenames", [])
        try:
            if "dvm_workspace" in names:
                kind = request_of(item)
                kinds.setdefault((name, kind.key), kind)
                tests[name, kind.key] += 1
            if "dvm_session_workspace" in names and not _overridden(item):
                kind = parse_request({}, run.settings, item.config.rootpath)
                shared.setdefault((name, kind.key), kind)
        except DvmError:
            continue
    for (name, _), kind in shared.items():
        if supply := run.supply_if_any(name):
            supply.session(kind)
    for number, (key, kind) in enumerate(kinds.items()):
        if supply := run.supply_if_any(key[0]):
            supply.expect(kind, tests[key], now=number < AT_FIRST)
    # Import what the reports need while the engine works.
    from . import failures, summary  # noqa: F401


def _overridden(item: pytest.Item) -> bool:
    """Whether the project overrides the options of the session's workspace, which only its fixture knows."""
    info = getattr(item, "_fixtureinfo", None)
    return info is None or len(info.name2fixturedefs.get("dvm_session_options", ())) != 1
