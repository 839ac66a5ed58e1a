"""The table at the end of a run: each engine, its version, how many tests used it, and why others did not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator

import pytest

from .fixtures import PROPERTY, REQUIRED
from .registry import RunningEngine, every_kind

RANK = ("passed", "skipped", "failed", "error")
"""Outcomes, each counting for more than the one before it: a test with an error in its teardown has failed."""

Ended = tuple[str, str]
"""How one test of an engine ended: one of "passed", "skipped" and "failed", and the reason of a skip."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for name, version in sorted(engines_of(item)):
        report.user_properties.append((PROPERTY, f"{name} {version}"))
    if name := engine_missed(report):
        report.user_properties.append((PROPERTY, f"{name} "))
    return report


def engines_of(item: pytest.Item) -> set[tuple[str, str]]:
    """The names and versions of the engines that a test's fixtures gave it."""
    values = getattr(item, "funcargs", {}).values()
    return {(value.kind.name, value.version) for value in values if isinstance(value, RunningEngine)}


def engine_missed(report: pytest.TestReport) -> str:
    """The name of the engine that could not be had for a test; empty when that is not how it ended."""
    found = re.match(r"engine (\S+): ", reason_of(report))
    return found[1] if found else ""


def reason_of(report: pytest.TestReport) -> str:
    """Why a test was skipped, or was failed without a traceback."""
    # (path, line, reason) is what a skip leaves; `pytest.fail(pytrace=False)` leaves its text.
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    endings: dict[str, Counter[Ended]] = {}
    versions: dict[str, str] = {}
    for name, version, ended in uses(terminalreporter):
        endings.setdefault(name, Counter())[ended] += 1
        if version:
            versions[name] = version
    if not endings:
        return
    terminalreporter.section("engines")
    for line in [*table(endings, versions), *reasons(endings)]:
        terminalreporter.write_line(line)


def uses(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, str, Ended]]:
    """Name, version and ending of each use of an engine by a test."""
    worst: dict[tuple[str, str], tuple[str, Ended]] = {}
    for outcome in RANK:
        for report in terminalreporter.stats.get(outcome, []):
            for key, value in getattr(report, "user_properties", ()):
                if key == PROPERTY:
                    name, _, version = value.partition(" ")
                    reason = reason_of(report) if outcome == "skipped" else ""
                    worst[report.nodeid, name] = version, ("failed" if outcome == "error" else outcome, reason)
    for (_, name), (version, ended) in worst.items():
        yield name, version, ended


def table(endings: dict[str, Counter[Ended]], versions: dict[str, str]) -> Iterator[str]:
    """The lines of the table: every kind of engine that tests asked for."""
    rows: list[tuple[str, ...]] = [("engine", "version", "tests", "passed", "failed", "skipped")]
    for name in filter(endings.__contains__, every_kind()):
        counts: Counter[str] = Counter()
        for (outcome, _), number in endings[name].items():
            counts[outcome] += number
        version = versions.get(name, "not to be had")
        numbers = (counts.total(), counts["passed"], counts["failed"], counts["skipped"])
        rows.append((name, version, *map(str, numbers)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = enumerate(zip(row, widths, strict=True))
        yield "  ".join(word.ljust(width) if at < 2 else word.rjust(width) for at, (word, width) in cells).rstrip()


def reasons(endings: dict[str, Counter[Ended]]) -> Iterator[str]:
    """One line for each reason for which tests of an engine were skipped."""
    for name in every_kind():
        for (outcome, reason), number in endings.get(name, Counter()).items():
            if outcome == "skipped":
                yield f"{name}: {number} skipped: {reason.removeprefix(f'engine {name}: ')}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where engines are required, one that can't be had fails the run, though no test asked for it."""
    if REQUIRED and not hasattr(session.config, "workerinput") and session.exitstatus == pytest.ExitCode.OK:
        for name, kind in every_kind().items():
            if reason := kind.why_not():
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
                print(f"\nengine {name} is required: {reason}")
