"""The table at the end of a run: each engine, its version, and how many tests used it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import pytest

from .fixtures import PROPERTY, REQUIRED
from .registry import RunningEngine, every_kind

Use = tuple[str, str]
"""An engine's name and version."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for name, version in sorted(engines_of(item)):
        report.user_properties.append((PROPERTY, f"{name} {version}"))
    return report


def engines_of(item: pytest.Item) -> set[Use]:
    """The engines that a test's fixtures gave it."""
    values = getattr(item, "funcargs", {}).values()
    return {(value.kind.name, value.version) for value in values if isinstance(value, RunningEngine)}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = count(terminalreporter)
    if not counts:
        return
    terminalreporter.section("engines")
    rows = [("engine", "version", "tests", "passed", "failed", "skipped")]
    versions = {name: version for name, version in counts if version}
    for name, kind in every_kind().items():
        outcomes = counts.get((name, versions.get(name, "")), Counter())
        numbers = [outcomes[key] for key in ("passed", "failed", "skipped")]
        reason = "" if name in versions else kind.why_not()
        shown = f"can't be had: {reason}" if reason else versions.get(name, "not used by these tests")
        rows.append((name, shown, *(str(number) for number in (sum(numbers), *numbers))))
    width = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        words = [word.ljust(size) if at < 2 else word.rjust(size) for at, (word, size) in enumerate(zip(row, width))]
        terminalreporter.write_line("  ".join(words).rstrip())


def count(terminalreporter: pytest.TerminalReporter) -> dict[Use, Counter[str]]:
    """How the tests of each engine ended. A test with an error in its teardown has failed."""
    worst: dict[tuple[str, Use], str] = {}
    rank = ("passed", "skipped", "failed", "error")
    for outcome in rank:
        for report in terminalreporter.stats.get(outcome, []):
            for key, value in getattr(report, "user_properties", ()):
                if key == PROPERTY:
                    name, _, version = value.partition(" ")
                    worst[report.nodeid, (name, version)] = "failed" if outcome == "error" else outcome
    counts: dict[Use, Counter[str]] = {}
    for (_, use), outcome in worst.items():
        counts.setdefault(use, Counter())[outcome] += 1
    return counts


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where engines are required, one that can't be had fails the run, though no test asked for it."""
    if REQUIRED and not hasattr(session.config, "workerinput") and session.exitstatus == pytest.ExitCode.OK:
        for name, kind in every_kind().items():
            if reason := kind.why_not():
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
                print(f"\nengine {name} is required: {reason}")
