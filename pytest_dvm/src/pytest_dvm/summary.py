"""The plugin's part of the terminal summary: skip reasons, kept workspaces, and the table of tests by runtime."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from .plugin import SETTINGS, SKIPPED, VERSIONS, skip_reason

KEPT = "dvm_kept"  # as in `supply`, which is not loaded for it
LONGEST = 200
"""Maximum number of tests in the table; with more, it has the sums only."""


def write(terminal: pytest.TerminalReporter, config: pytest.Config, reports: list[Any]) -> None:
    """Write the summary."""
    for version in config.stash[VERSIONS]:
        terminal.write_line(version)
    reasons = Counter(skip_reason(one) for one in reports if isinstance(one, pytest.TestReport) and one.skipped)
    for reason, count in reasons.items():
        if reason.startswith(SKIPPED):
            terminal.write_line(f"dvm: {count} skipped, {reason}"[:700])
    for line in _kept(reports):
        terminal.write_line(f"dvm: kept {line}")
    if len(config.stash[SETTINGS].runtimes) > 1 or len(_columns(reports)) > 1:
        _table(terminal, reports)


def _kept(reports: list[Any]) -> list[str]:
    lines = [value for one in reports for key, value in getattr(one, "user_properties", ()) if key == KEPT]
    return list(dict.fromkeys(lines))


def _runtime(report: Any) -> str:
    return str(dict(getattr(report, "user_properties", ())).get("dvm_runtime", ""))


def _columns(reports: list[Any]) -> list[str]:
    return list(dict.fromkeys(filter(None, map(_runtime, reports))))


def _table(terminal: pytest.TerminalReporter, reports: list[Any]) -> None:
    columns = _columns(reports)
    cells: dict[str, dict[str, tuple[str, float]]] = {}
    for report in reports:
        runtime = _runtime(report)
        if not runtime or not isinstance(report, pytest.TestReport):
            continue
        row = cells.setdefault(_without(report.nodeid, runtime), {})
        outcome, seconds = row.get(runtime, ("passed", 0.0))
        row[runtime] = (report.outcome if report.outcome != "passed" else outcome, seconds + report.duration)
    if not cells:
        return
    terminal.section("tests by runtime")
    names = list(cells) if len(cells) <= LONGEST else []
    width = max([len("test"), len("all"), *map(len, names)])
    widths = [max(16, len(column)) for column in columns]
    terminal.write_line("  ".join(["test".ljust(width), *(c.ljust(w) for c, w in zip(columns, widths, strict=True))]))
    for name in names:
        shown = [_cell(*cells[name][c]) if c in cells[name] else "-" for c in columns]
        terminal.write_line("  ".join([name.ljust(width), *(s.ljust(w) for s, w in zip(shown, widths, strict=True))]))
    sums = [_sum([row[column] for row in cells.values() if column in row]) for column in columns]
    terminal.write_line("  ".join(["all".ljust(width), *(s.ljust(w) for s, w in zip(sums, widths, strict=True))]))


def _cell(outcome: str, seconds: float) -> str:
    return f"{outcome} {seconds:.2f} s"


def _sum(results: list[tuple[str, float]]) -> str:
    passed = sum(outcome == "passed" for outcome, _ in results)
    return f"{passed}/{len(results)} {sum(seconds for _, seconds in results):.2f} s"


def _without(nodeid: str, runtime: str) -> str:
    """The test's name without its runtime.

    >>> _without("test_a.py::test_b[docker-3]", "docker")
    'test_a.py::test_b[3]'
    """
    head, bracket, rest = nodeid.partition("[")
    parts = rest.removesuffix("]").split("-")
    if not bracket or runtime not in parts:
        return nodeid
    parts.remove(runtime)
    return f"{head}[{'-'.join(parts)}]" if parts else head
