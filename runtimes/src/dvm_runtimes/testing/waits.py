"""Waits: a start counts once the workspace is ready, and gives up at once when it never will be."""

from __future__ import annotations

from typing import Any

import pytest

from dvm_runtimes.errors import (
    DvmError,
    InvalidOptionError,
    OperationCancelledError,
    OperationTimeoutError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import EventKind, WorkspaceStatus
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import Port
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.waiting import Command, HealthCheck, Http, LogLine, Running, TcpPort, WaitStrategy, WaitTarget

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require

PORT = 8080
HTTPD = "mkdir -p /tmp/www; echo served > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"
"""A web server, which every image of the suite has."""

NEEDS: dict[str, tuple[str, ...]] = {"Http": ("ports",), "HealthCheck": ("health_checks", "build")}
STRATEGIES: tuple[WaitStrategy, ...] = (
    LogLine("^never printed$"),
    TcpPort(PORT),
    Http(PORT),
    HealthCheck(),
    Command(["test", "-e", "/never/there"]),
)


class Twice(WaitStrategy):
    """A strategy of somebody else's: a file is there, looked at with what `WaitTarget` offers."""

    def wait(self, target: WaitTarget) -> None:
        for _ in target.attempts():
            if target.run(["test", "-e", "/tmp/twice"]).exit_code == 0:  # noqa: S108
                return

    def __str__(self) -> str:
        return "the second word"


class WaitConformance(ConformanceCase):
    """``StartOptions.ready``."""

    def sleeper(self, runtime: ContainerRuntime, bench: Bench, strategy: WaitStrategy, script: str) -> dict[str, Any]:
        """Options of a workspace that runs a script and is waited for with ``strategy``."""
        require(runtime, *NEEDS.get(type(strategy).__name__, ()))
        options: dict[str, Any] = {"command": ["sh", "-c", script], "ready": strategy}
        if isinstance(strategy, Http):
            options["ports"] = [Port(PORT)]
        if isinstance(strategy, HealthCheck):
            options["image_name"] = bench.build(
                "FROM IMAGE\nHEALTHCHECK --interval=1s --retries=1000 CMD test -e /never/there\n"
            )
        return options

    # It becomes ready

    def test_wait_for_running(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The least, which is always waited for."""
        assert bench.info(bench.start(ready=Running())).status is WorkspaceStatus.RUNNING

    def test_wait_for_a_log_line(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A line that matches, on either stream, so many times."""
        script = "echo setting up; sleep 0.2; echo ready 1 >&2; sleep 0.2; echo ready 2; exec sleep infinity"
        workspace = bench.start(command=["sh", "-c", script], ready=LogLine(r"^ready \d$", times=2))
        assert b"ready 2" in bench.logs(workspace)

    def test_wait_for_a_port(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Something listens inside; the port need not be published."""
        workspace = bench.start(command=["sh", "-c", f"sleep 0.2; {HTTPD}"], ready=TcpPort(PORT))
        assert ":1F90 " in bench.sh(workspace, "cat /proc/net/tcp /proc/net/tcp6")

    @pytest.mark.parametrize(("path", "status"), [("/", 200), ("/index.html", None), ("/missing", 404)])
    def test_wait_for_http(self, runtime: ContainerRuntime, bench: Bench, path: str, status: int | None) -> None:
        """A published port answers with the status that was asked for."""
        require(runtime, "ports")
        ready = Http(PORT, path, status)
        bench.start(command=["sh", "-c", f"sleep 0.2; {HTTPD}"], ports=[Port(PORT)], ready=ready)

    def test_wait_for_health(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The image's own health check says healthy, and an event says so too."""
        require(runtime, "health_checks", "build", "events")
        image = bench.build("FROM IMAGE\nHEALTHCHECK --interval=1s CMD test -e /tmp/healthy\n")
        events = bench.events()
        script = "sleep 0.2; touch /tmp/healthy; exec sleep infinity"
        workspace = bench.start(image_name=image, command=["sh", "-c", script], ready=HealthCheck())
        events.wait_for(EventKind.HEALTH, workspace)
        assert bench.sh(workspace, "ls /tmp/healthy")

    def test_wait_for_a_command(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A command inside succeeds at last."""
        script = "sleep 0.2; touch /tmp/there; exec sleep infinity"
        workspace = bench.start(command=["sh", "-c", script], ready=Command(["test", "-e", "/tmp/there"]))  # noqa: S108
        assert bench.sh(workspace, "ls /tmp/there")

    def test_wait_for_ones_own(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A strategy of the user's own works as the built-in ones do."""
        script = "echo once; touch /tmp/twice; exec sleep infinity"
        bench.start(command=["sh", "-c", script], ready=Twice())

    def test_wait_again_for_what_runs(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A second start waits too, and so does the start of a stopped one."""
        options = bench.options(command=["sh", "-c", "echo ready; exec sleep infinity"], ready=LogLine("^ready$"))
        workspace = runtime.start_workspace(options, timeout=LIMIT)
        assert runtime.start_workspace(options, timeout=LIMIT) == workspace
        runtime.stop_workspace(workspace)
        assert runtime.start_workspace(options, timeout=LIMIT) == workspace

    # It never does

    @pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: type(strategy).__name__)
    def test_wait_ends_with_the_workspace(
        self, runtime: ContainerRuntime, bench: Bench, strategy: WaitStrategy
    ) -> None:
        """When it dies first, the start fails at once, says so with its last lines, and leaves nothing."""
        script = "echo looking for luck; sleep 0.3; echo no luck >&2; exit 3"
        options = bench.options(**self.sleeper(runtime, bench, strategy, script))
        with pytest.raises(WorkspaceNotRunningError, match="exit code 3") as caught:
            runtime.start_workspace(options, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_workspace")
        assert sorted(caught.value.logs.splitlines()) == ["looking for luck", "no luck"]
        bench.assert_nothing_of(options)

    @pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: type(strategy).__name__)
    def test_wait_ends_with_its_time(
        self, runtime: ContainerRuntime, bench: Bench, patience: float, strategy: WaitStrategy
    ) -> None:
        """The time-out says what was waited for, has the last lines, and leaves nothing."""
        options = bench.options(**self.sleeper(runtime, bench, strategy, "echo still here; exec sleep infinity"))
        with pytest.raises(OperationTimeoutError) as caught:
            runtime.start_workspace(options, timeout=patience)
        assert_typed(caught.value, runtime, "start_workspace")
        assert str(strategy) in str(caught.value)
        assert caught.value.logs == "still here"
        bench.assert_nothing_of(options)

    @pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: type(strategy).__name__)
    def test_wait_ends_when_cancelled(self, runtime: ContainerRuntime, bench: Bench, strategy: WaitStrategy) -> None:
        """Cancelling it leaves nothing either."""
        cancel = CancelToken()
        options = bench.options(**self.sleeper(runtime, bench, strategy, "echo still here; exec sleep infinity"))

        def hear(event: object) -> None:
            if "Waiting" in str(event):
                cancel.set()

        with pytest.raises(OperationCancelledError) as caught:
            runtime.start_workspace(options, hear, timeout=LIMIT, cancel=cancel)
        assert_typed(caught.value, runtime, "start_workspace", hint=False)
        bench.assert_nothing_of(options)

    def test_wait_for_a_health_that_is_bad(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Unhealthy is an answer: nothing is waited for any longer."""
        require(runtime, "health_checks", "build")
        image = bench.build("FROM IMAGE\nHEALTHCHECK --interval=1s --retries=1 CMD echo no table; exit 1\n")
        options = bench.options(image_name=image, ready=HealthCheck())
        with pytest.raises(WorkspaceNotRunningError, match=r"health check failed \(exit code 1: no table\)"):
            runtime.start_workspace(options, timeout=LIMIT)
        bench.assert_nothing_of(options)

    def test_wait_counts_from_this_start(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A line that the workspace wrote before it was stopped does not count."""
        script = "test ! -e /tmp/lived || sleep 1; touch /tmp/lived; echo ready; exec sleep infinity"
        options = bench.options(command=["sh", "-c", script], ready=LogLine("^ready$"))
        workspace = runtime.start_workspace(options, timeout=LIMIT)
        runtime.stop_workspace(workspace, 0, timeout=LIMIT)
        assert runtime.start_workspace(options, timeout=LIMIT) == workspace
        assert b"".join(runtime.workspace_logs(workspace, timeout=LIMIT)).split() == [b"ready", b"ready"]

    def test_wait_that_is_late_says_what_it_saw(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The output of the last attempt is in the error."""
        command = Command(["sh", "-c", "echo no table; exit 3"])
        options = bench.options(ready=command)
        with pytest.raises(OperationTimeoutError, match=r"last attempt: exit code 3: no table") as caught:
            runtime.start_workspace(options, timeout=10)
        assert "log lines" in caught.value.hint
        bench.assert_nothing_of(options)

    def test_wait_for_a_health_check_that_is_missing(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """An image without a health check: the start fails at once, and nothing is left."""
        options = bench.options(ready=HealthCheck())
        with pytest.raises(DvmError, match="no health"):
            runtime.start_workspace(options, timeout=LIMIT)
        bench.assert_nothing_of(options)

    def test_wait_for_a_port_that_is_not_published(self, bench: Bench) -> None:
        """Refused before anything is started."""
        with pytest.raises(InvalidOptionError, match="not published"):
            bench.options(ready=Http(PORT))

    def test_wait_strategies_check_themselves(self) -> None:
        """What can never match is refused when it is written down."""
        wrong: list[Any] = [
            lambda: LogLine("("),
            lambda: LogLine("x", times=0),
            lambda: Command([]),
            lambda: Command("make"),
        ]
        for make in wrong:
            with pytest.raises(InvalidOptionError, match="ready"):
                make()
