"""The pytest plugin: its options, marker, hooks and fixtures.

Every test run imports this module, so it imports nothing but pytest. The rest
is imported when a fixture is used for the first time.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from .run_identity import new_run, run_identity
from .settings import ALL, Settings, add_options, read

if TYPE_CHECKING:
    from dvm_runtimes.errors import DvmError
    from dvm_runtimes.runtime import ContainerRuntime

    from .factory import WorkspaceFactory
    from .request import WorkspaceRequest
    from .run import Run
    from .supply import Supply
    from .workspace import Workspace

MARKER = (
    "dvm(image=, build=, env=, mounts=, ports=, files=, ready=, ...): how the workspaces of a test are started; takes "
    "every field of StartOptions too, and the nearest marker wins"
)
SKIPPED = "no container engine: "
"""The beginning of the reason of tests that are skipped without an engine."""

FORKED = (
    "pytest-dvm does not work with --forked: threads and connections do not survive a fork. "
    "Run the tests that use workspaces without it, or with `-n` of pytest-xdist."
)

SETTINGS = pytest.StashKey[Settings]()
RUN = pytest.StashKey["Run"]()
RUN_NAME = pytest.StashKey[str]()
RUNTIMES = pytest.StashKey[tuple[str, ...]]()
SHARED_USED = pytest.StashKey[bool]()
VERSIONS = pytest.StashKey[dict[str, None]]()
CONNECTING = pytest.StashKey[bool]()
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # Added first, so called last: pytest's own clean-up takes as long as half of a removal.
    config.add_cleanup(lambda: _close_run(config))
    config.addinivalue_line("markers", MARKER)
    config.stash[SETTINGS] = read(config)
    config.stash[VERSIONS] = {}


def pytest_report_header(config: pytest.Config) -> str:
    return f"dvm: runtime {', '.join(config.stash[SETTINGS].runtimes)}"


# The run


def run_of(config: pytest.Config) -> Run:
    """The engines and resources of this process; created by the first call."""
    if RUN not in config.stash:
        from .run import Run

        run = Run(config.stash[SETTINGS], run_identity(getattr(config, "workerinput", None)))
        config.stash[RUN] = run
    return config.stash[RUN]


def _close_run(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """In xdist's controller: tell a worker the identity of the run."""
    stash = node.config.stash
    stash.setdefault(RUN_NAME, new_run())
    node.workerinput["dvm_run"] = stash[RUN_NAME]
    node.workerinput["dvm_controller"] = os.getpid()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """In xdist's controller: take the report of a worker that has ended or crashed."""
    output = getattr(node, "workeroutput", None)
    reported = output.get("dvm") if output else None
    if reported is None and not error:
        return
    node.config.stash[SHARED_USED] = True
    for version in (reported or {}).get("versions", ()):
        node.config.stash[VERSIONS][version] = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None and RUN in item.config.stash:
        item.config.stash[RUN].ending = True


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if RUN not in config.stash:
        return
    run = config.stash[RUN]
    run.hand_over()
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output["dvm"] = {"versions": run.described()}


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(SHARED_USED, False):
        from .records import end_shared

        end_shared(config.stash[RUN_NAME])


# Which tests run where


def runtimes_of(config: pytest.Config) -> tuple[str, ...]:
    """The runtimes of this run. ``all`` is resolved once, when a test uses a workspace for the first time."""
    if RUNTIMES not in config.stash:
        names = config.stash[SETTINGS].runtimes
        if names == (ALL,) and not config.option.collectonly:
            names = run_of(config).reachable()
        config.stash[RUNTIMES] = names
    return config.stash[RUNTIMES]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "dvm_runtime" not in metafunc.fixturenames:
        return
    asked = metafunc.config.stash[SETTINGS].runtimes
    own = any("dvm_runtime" in str(mark.args[:1]) for mark in metafunc.definition.iter_markers("parametrize"))
    if own or (len(asked) == 1 and asked != (ALL,)):
        return
    names = runtimes_of(metafunc.config)
    metafunc.parametrize("dvm_runtime", names, indirect=True, scope="session", ids=names)


def runtime_name(node: pytest.Item | Any, config: pytest.Config) -> str:
    """The name of the runtime that a test runs on."""
    callspec = getattr(node, "callspec", None)
    name = callspec.params.get("dvm_runtime") if callspec is not None else None
    return str(name or runtimes_of(config)[0])


# Before the first test


def uses_workspaces(item: pytest.Item) -> bool:
    """Whether a test uses an engine."""
    return "dvm_runtime" in getattr(item, "fixturenames", ())


def pytest_itemcollected(item: pytest.Item) -> None:
    config = item.config
    if CONNECTING not in config.stash and uses_workspaces(item) and not may_be_deselected(config):
        config.stash[CONNECTING] = True
        # In the background, during the collection; the first fixture waits for the result.
        run_of(config).connect(runtime_name(item, config))


def forks(config: pytest.Config) -> bool:
    """Whether pytest-forked runs each test in a fork of this process."""
    return bool(config.getoption("forked", default=False))


def may_be_deselected(config: pytest.Config) -> bool:
    """Whether tests that were collected may not run."""
    options = ("forked", "collectonly", "keyword", "markexpr", "deselect", "lf", "last_failed", "stepwise")
    return any(config.getoption(name, default=None) for name in options)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the first workspaces, so that they run when the first test begins."""
    items = [item for item in session.items if uses_workspaces(item)]
    if items and not session.config.option.collectonly:
        if forks(session.config):
            if not hasattr(session.config, "workerinput"):
                raise pytest.UsageError(FORKED)
            return  # in a worker of xdist, each test says so
        from .prestart import prestart

        prestart(run_of(session.config), items)


# Fixtures


def _unavailable(config: pytest.Config, error: DvmError) -> NoReturn:
    from .run import unavailable

    if unavailable(error) and config.stash[SETTINGS].unavailable == "skip":
        pytest.skip(f"{SKIPPED}{error}")
    pytest.fail(str(error), pytrace=False)


def _supply(config: pytest.Config, name: str) -> Supply:
    from dvm_runtimes.errors import DvmError

    if forks(config):
        pytest.fail(FORKED, pytrace=False)
    try:
        return run_of(config).supply(name)
    except DvmError as error:
        problem = error
    _unavailable(config, problem)


def request_of(item: pytest.Item, keywords: dict[str, Any] | None = None) -> WorkspaceRequest:
    """The workspace that the markers of a test request.

    Raises:
        InvalidOptionError: naming the keyword and the value.
    """
    from dvm_runtimes.errors import InvalidOptionError

    from .request import merge, parse_request

    marks = list(item.iter_markers("dvm"))
    for mark in marks:
        if mark.args:
            raise InvalidOptionError("mark.dvm", mark.args[0], 'takes keywords only, such as image="debian:12"')
    return parse_request(
        merge([keywords or {}, *(mark.kwargs for mark in marks)]), item.config.stash[SETTINGS], item.path.parent
    )


@pytest.fixture(scope="session")
def dvm_runtime(request: pytest.FixtureRequest) -> ContainerRuntime:
    """The `dvm_runtimes.ContainerRuntime` of this run. Skips the test without an engine."""
    name = getattr(request, "param", None) or runtimes_of(request.config)[0]
    return _supply(request.config, name).runtime


@pytest.fixture(scope="session")
def dvm_session_options() -> dict[str, Any]:
    """Override it to set the options of ``dvm_session_workspace``: the keywords of ``@pytest.mark.dvm``."""
    return {}


@pytest.fixture(scope="session")
def dvm_session_workspace(
    request: pytest.FixtureRequest, dvm_runtime: ContainerRuntime, dvm_session_options: dict[str, Any]
) -> Iterator[Workspace]:
    """One workspace for the whole run, shared by xdist's workers."""
    from .request import parse_request
    from .start_failures import started

    config = request.config
    supply = run_of(config).supply_of(dvm_runtime)
    with started():
        asked = parse_request(dvm_session_options, config.stash[SETTINGS], config.rootpath)
        workspace = supply.session(asked).result()
    yield workspace
    supply.end_session(asked, workspace)


@pytest.fixture
def dvm_workspace(request: pytest.FixtureRequest, dvm_runtime: ContainerRuntime) -> Iterator[Workspace]:
    """A workspace of this test, with the options of its markers."""
    from .start_failures import started

    supply = run_of(request.config).supply_of(dvm_runtime)
    with started():
        asked = request_of(request.node)
        workspace = supply.take(asked)
    yield workspace
    if _keep(request):
        supply.keep(workspace, request.node)
    else:
        supply.give_back(workspace, asked)


@pytest.fixture
def dvm_workspace_factory(request: pytest.FixtureRequest, dvm_runtime: ContainerRuntime) -> Iterator[WorkspaceFactory]:
    """Creates workspaces for this test: ``db = dvm_workspace_factory("db", image="postgres:17")``."""
    from .factory import WorkspaceFactory

    supply = run_of(request.config).supply_of(dvm_runtime)
    factory = WorkspaceFactory(supply, lambda keywords: request_of(request.node, keywords))
    yield factory
    keep = _keep(request)
    for workspace in factory.workspaces if keep else ():
        supply.keep(workspace, request.node)
    factory.close(keep=keep)


def _keep(request: pytest.FixtureRequest) -> bool:
    keep = request.config.stash[SETTINGS].keep
    return keep == "always" or (keep == "failed" and request.node.stash.get(FAILED, False))


def pytest_runtest_setup(item: pytest.Item) -> None:
    names = set(getattr(item, "fixturenames", ()))
    alone = "dvm_session_workspace" in names and names.isdisjoint({"dvm_workspace", "dvm_workspace_factory"})
    if alone and any(mark.name == "dvm" for mark in item.own_markers):
        pytest.fail(
            "@pytest.mark.dvm has no effect on dvm_session_workspace: override the fixture dvm_session_options",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Give an async test workspaces with awaitable methods."""
    if "pytest_dvm.workspace" in sys.modules and inspect.iscoroutinefunction(getattr(item, "obj", None)):
        from .workspace import Workspace

        values: dict[str, Any] = getattr(item, "funcargs", {})
        for name, value in values.items():
            if isinstance(value, Workspace) or name == "dvm_workspace_factory":
                values[name] = value.aio
    return (yield)


# Reports


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    if "pytest_dvm.workspace" in sys.modules and uses_workspaces(item):
        from .failures import explain

        if call.when == "setup":
            # On the item as well, for the reports of its other phases.
            used = ("dvm_runtime", runtime_name(item, item.config))
            item.user_properties.append(used)
            report.user_properties.append(used)
        if report.failed:
            explain(item, call, report)
    return report


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> Any:
    """Print no mark for tests that are skipped without an engine; the summary has one line for all."""
    if report.skipped and skip_reason(report).startswith(SKIPPED) and config.get_verbosity() <= 0:
        return "skipped", "", ""
    return None


def skip_reason(report: pytest.TestReport) -> str:
    """The reason of a skipped test; else empty."""
    longrepr = report.longrepr
    return str(longrepr[2]).removeprefix("Skipped: ") if isinstance(longrepr, tuple) else ""


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    used = {runtime_name(item, config): None for item in items if uses_workspaces(item)}
    if not used or config.option.collectonly:
        return []
    return run_of(config).described(used)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    if any(getattr(report, "user_properties", None) or getattr(report, "skipped", False) for report in reports):
        from .summary import write

        write(terminalreporter, config, reports)
