"""The tables at the end of a run: each engine and how its tests ended, what was left out, and what was run again."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dvm_runtimes import testing

from .fixtures import PROPERTY, REQUIRED
from .registry import RunningEngine, every_kind
from .selection import SUITE, asked

RECORD = "DVM_TEST_RECORD"
"""The variable that names the file in which `scripts/tests-once-more` keeps what its first run has seen."""

RANK = ("passed", "skipped", "failed", "error")
"""Outcomes, each counting for more than the one before it: a test with an error in its teardown has failed."""


class Seen(NamedTuple):
    """How one test ended.

    Attributes:
        outcome: one of `RANK`.
        reason: of a skip.
        engines: those that it used, each with its version; the one that it missed has none.
        again: whether it had failed before, and was run again.
    """

    outcome: str
    reason: str
    engines: dict[str, str]
    again: bool = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    values = getattr(item, "funcargs", {}).values()
    used = {value.kind.name: value.version for value in values if isinstance(value, RunningEngine)}
    if missed := re.match(r"engine (\S+): ", reason_of(report)):
        used[missed[1]] = ""
    report.user_properties.append((PROPERTY, used))
    return report


def reason_of(report: pytest.TestReport) -> str:
    """Why a test was skipped, or was failed without a traceback."""
    # (path, line, reason) is what a skip leaves; `pytest.fail(pytrace=False)` leaves its text.
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    before: dict[str, Seen] = {}
    record = Path(os.environ.get(RECORD, os.devnull))
    if record.is_file():
        before = {name: Seen(*fields) for name, fields in json.loads(record.read_text()).items()}
    now = {name: one._replace(again=name in before) for name, one in seen(terminalreporter).items()}
    tests = before | now
    record.write_text(json.dumps(tests))
    again = [f"{one.outcome}: {name}" for name, one in sorted(tests.items()) if one.again]
    sections = {
        "engines": [*table(tests, config), *shares(tests, config)],
        "left out": left_out(tests),
        f"run again: {len(again)}": again,
    }
    for title, lines in sections.items():
        if lines:
            terminalreporter.section(title)
            terminalreporter.write("".join(f"{line}\n" for line in lines))


def seen(terminalreporter: pytest.TerminalReporter) -> dict[str, Seen]:
    """How each test of this run ended."""
    tests: dict[str, Seen] = {}
    for outcome in RANK:
        for report in terminalreporter.stats.get(outcome, []):
            if isinstance(report, pytest.TestReport):
                engines: Any = dict(report.user_properties).get(PROPERTY, {})
                reason = reason_of(report) if outcome == "skipped" else ""
                tests[report.nodeid] = Seen(outcome, reason, engines)
    return tests


def table(tests: Mapping[str, Seen], config: pytest.Config) -> list[str]:
    """The lines of the table: every kind of engine that tests asked for."""
    rows: list[tuple[str, ...]] = [("engine", "version", "suite", "tests", "passed", "failed", "skipped")]
    parts = sum(name.startswith("Test") for name in testing.__all__)
    for name, kind in every_kind().items():
        mine = [one for one in tests.values() if name in one.engines]
        if mine:
            version = max(one.engines[name] for one in mine) or "not to be had"
            suite = f"{len(kind.suite.parts)} of {parts}" if kind.suite.parts and not asked(config) else "all"
            counts = Counter(one.outcome for one in mine)
            failed = counts["failed"] + counts["error"]
            rows.append((name, version, suite, *map(str, (len(mine), counts["passed"], failed, counts["skipped"]))))
    if len(rows) == 1:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if at > 2 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def shares(tests: Mapping[str, Seen], config: pytest.Config) -> Iterator[str]:
    """One line for each share of the conformance suite that some kinds of engine had, and for what reason."""
    ran = {name for test, one in tests.items() if SUITE in test for name in one.engines}
    for share in dict.fromkeys(kind.suite for kind in every_kind().values() if kind.suite.parts):
        names = [name for name, kind in every_kind().items() if kind.suite == share and name in ran]
        if names and not asked(config):
            yield f"{', '.join(names)}: {' '.join(share.parts)} of the suite ({share.why})"


def left_out(tests: Mapping[str, Seen]) -> list[str]:
    """One line for each reason for which tests were skipped, with their number."""
    numbers: Counter[str] = Counter()
    engines: dict[str, set[str]] = {}
    for one in tests.values():
        if one.outcome == "skipped":
            missed = [name for name, version in one.engines.items() if not version]
            reason = one.reason.removeprefix(f"engine {''.join(missed)}: ")
            numbers[reason] += 1
            engines.setdefault(reason, set()).update(missed)
    return [
        f"{number:5} {'tests' if number > 1 else 'test '}  "
        + (f"{', '.join(name for name in every_kind() if name in engines[reason])}: " if engines[reason] else "")
        + reason
        for reason, number in numbers.most_common()
    ]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where engines are required, one that can't be had fails the run, though no test asked for it."""
    if REQUIRED and not hasattr(session.config, "workerinput") and session.exitstatus == pytest.ExitCode.OK:
        for name, kind in every_kind().items():
            if reason := kind.why_not():
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
                print(f"\nengine {name} is required: {reason}")
