"""Add the state of a test's workspaces to its failure report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from dvm_runtimes.errors import DvmError

from .factory import WorkspaceFactory
from .workspace import Failed, Workspace

ASYNC = ("AsyncWorkspace", "AsyncWorkspaceFactory")
"""Classes with a workspace or a factory in ``sync``, by name, so that their module is not imported."""
LINES = 20
"""Number of log lines in a report."""
OUTPUT = 2000
"""Characters of each stream of a failed command in a report."""
PATIENCE = 5.0
"""Seconds for each call: the engine itself may have failed."""


def explain(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Add status, logs and failed commands of the workspaces to a failed report."""
    for workspace in workspaces_of(item):
        title = f"workspace {workspace.name} on {workspace.runtime.platform_name}"
        _add(report, title, "\n".join(describe(workspace)))
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, DvmError) and error.logs:
        _add(report, "last log lines", error.logs.rstrip())


def _add(report: pytest.TestReport, title: str, text: str) -> None:
    # The representation is in the JUnit file as well; sections of the report are on the terminal only.
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add(title, text)
    elif isinstance(report.longrepr, str):
        report.longrepr += f"\n{title}\n{text}"
    else:
        report.longrepr = f"{report.longrepr}\n{title}\n{text}"


def workspaces_of(item: pytest.Item) -> list[Workspace]:
    """The workspaces among the fixture values of a test."""
    found: dict[str, Workspace] = {}
    values: Iterable[Any] = getattr(item, "funcargs", {}).values()
    for value in values:
        # The values of an async test have been replaced, see `plugin.pytest_runtest_call`.
        value = getattr(value, "sync", value) if type(value).__name__ in ASYNC else value
        if isinstance(value, Workspace):
            found[value.name] = value
        elif isinstance(value, WorkspaceFactory):
            found.update((one.name, one) for one in value.workspaces)
    return list(found.values())


def describe(workspace: Workspace) -> Iterator[str]:
    """Status, exit code, last log lines and failed commands."""
    try:
        info = workspace.runtime.find_workspace(workspace.id, timeout=PATIENCE)
        if info is None:
            yield "status: not_found (it was removed)"
        else:
            ended = f", exit code {info.exit_code}" if info.exit_code is not None else ""
            yield f"status: {info.status}{ended}   image: {info.image}"
            logs = b"".join(workspace.runtime.workspace_logs(workspace.id, LINES, timeout=PATIENCE))
            if logs.strip():
                yield "last log lines:"
                yield from (f"  {line}" for line in logs.decode(errors="replace").splitlines()[-LINES:])
    except DvmError as error:
        yield f"status: unknown ({error})"
    for failed in workspace.failed:
        yield from describe_command(failed)


def describe_command(failed: Failed) -> Iterator[str]:
    """A failed command with the end of its output."""
    yield f"failed command (exit code {failed.result.exit_code}): {failed.command}"
    for name, data in (("stdout", failed.result.stdout), ("stderr", failed.result.stderr)):
        text = data.decode(errors="replace").rstrip()
        if text:
            yield f"  {name}:"
            cut = "..." if len(text) > OUTPUT else ""
            yield from (f"    {line}" for line in (cut + text[-OUTPUT:]).splitlines())
