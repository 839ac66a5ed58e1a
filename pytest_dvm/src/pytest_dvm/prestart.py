"""Starts in advance what the collected tests will ask for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dvm_runtimes.errors import DvmError

from .plugin import runtime_name, wanted_by
from .request import Wanted, wanted

if TYPE_CHECKING:
    from .run import Run

AT_FIRST = 2
"""Kinds of workspaces that are started before the first test; the others when their first test takes one."""


def start_ahead(run: Run, items: list[pytest.Item]) -> None:
    """Tell the supplies what ``items`` will take, in their order.

    What a test asks for wrongly is left to that test to complain of.
    """
    kinds: dict[tuple[str, str], Wanted] = {}
    tests: Counter[tuple[str, str]] = Counter()
    shared: dict[tuple[str, str], Wanted] = {}
    for item in items:
        name = runtime_name(item, item.config)
        names: list[str] = getattr(item, "fixturenames", [])
        try:
            if "dvm_workspace" in names:
                kind = wanted_by(item)
                kinds.setdefault((name, kind.key), kind)
                tests[name, kind.key] += 1
            if "dvm_session_workspace" in names and not _overridden(item):
                kind = wanted({}, run.settings, item.config.rootpath)
                shared.setdefault((name, kind.key), kind)
        except DvmError:
            continue
    for (name, _), kind in shared.items():
        if supply := run.supply_if_any(name):
            supply.session(kind)
    for number, (key, kind) in enumerate(kinds.items()):
        if supply := run.supply_if_any(key[0]):
            supply.expect(kind, tests[key], now=number < AT_FIRST)
    # What the reports will need is loaded while the engine works.
    from . import failures, summary  # noqa: F401


def _overridden(item: pytest.Item) -> bool:
    """Whether the project has options of its own for the session's workspace; only its fixture knows them."""
    info = getattr(item, "_fixtureinfo", None)
    return info is None or len(info.name2fixturedefs.get("dvm_session_options", ())) != 1
