"""Waits where the usual way to tell is missing, and the kernel's table of sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dvm_runtimes import (
    Command,
    EngineError,
    HealthCheck,
    Http,
    LogLine,
    OperationTimeoutError,
    Port,
    Running,
    RuntimeUnavailableError,
    StartOptions,
    TcpPort,
    UnsupportedError,
    WaitStrategy,
)
from dvm_runtimes.engines.mock import MockEngine, MockRuntime
from dvm_runtimes.infos import Capabilities
from dvm_runtimes.waiting import listening_ports

NO_CAT = ["sh", "-c", "rm /bin/cat; exec httpd -f -p 8080 -h /tmp"]
LIMIT = 60.0


@pytest.fixture
def runtime() -> Iterator[MockRuntime]:
    with MockRuntime() as runtime:
        yield runtime


def start(runtime: MockRuntime, timeout: float = LIMIT, **options: Any) -> str:
    given = {"image_name": "mock:latest", "workspace_name": "dev", "uid": 0, "gid": 0, **options}
    return runtime.start_workspace(StartOptions(**given), timeout=timeout)


def test_a_port_of_an_image_without_cat_is_asked_from_outside(runtime: MockRuntime) -> None:
    assert start(runtime, command=NO_CAT, ports=[Port(8080)], ready=TcpPort(8080))


def test_a_proxy_with_nobody_behind_it_is_not_ready(runtime: MockRuntime) -> None:
    with pytest.raises(OperationTimeoutError, match="TCP port 9090"):
        start(runtime, timeout=1, command=NO_CAT, ports=[Port(9090)], ready=TcpPort(9090))
    assert runtime.list_workspaces() == []


def test_a_port_that_cannot_be_seen_is_refused(runtime: MockRuntime) -> None:
    # Nothing listens: a look that began before its program went must not find anything.
    with pytest.raises(UnsupportedError, match="not published"):
        start(runtime, command=["sh", "-c", "rm /bin/cat; exec sleep 600"], ready=TcpPort(8080))
    assert runtime.list_workspaces() == []


def test_health_of_an_engine_that_has_none(runtime: MockRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    able = Capabilities(health_checks=False, reasons={"health_checks": "nerdctl has none"})
    monkeypatch.setattr(MockEngine, "capabilities", able)
    with pytest.raises(UnsupportedError, match="nerdctl has none"):
        start(runtime, ready=HealthCheck())


def test_an_engine_that_goes_away_ends_a_wait(runtime: MockRuntime) -> None:
    runtime.mock.fail_next("logs", RuntimeUnavailableError("gone", platform="Mock"))
    with pytest.raises(RuntimeUnavailableError):
        start(runtime, ready=LogLine("never"))
    runtime.mock.reset()
    runtime.mock.fail_next("exec_start", EngineError("of its own"))
    with pytest.raises(EngineError, match="of its own"):
        start(runtime, ready=Command(["true"]))
    assert runtime.list_workspaces() == []


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        (Running(), "its main process"),
        (LogLine("a"), "log line 'a'"),
        (TcpPort(80), "TCP port 80"),
        (Http(80, "/x"), "HTTP 200 from port 80/x"),
        (Http(80, status=None), "HTTP answer from port 80/"),
        (HealthCheck(), "a healthy health check"),
        (Command(["a", "b"]), "command 'a b'"),
    ],
)
def test_strategies_say_what_they_wait_for(strategy: WaitStrategy, text: str) -> None:
    assert str(strategy) == text


def test_the_table_of_sockets() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 1\n"
        "   1: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0 0 1\n"
        "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1\n"
        "garbage\n\n"
    )
    assert listening_ports(table) == {22, 8080}
    assert listening_ports("") == set()
