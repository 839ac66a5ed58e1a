"""How mounts, ports, waits, times and users are written on the command line."""

from __future__ import annotations

import time
from pathlib import Path

import click
import pytest

from dvm_runtimes.cli import option_values
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.options import Mount, Port
from dvm_runtimes.waiting import Command, HealthCheck, Http, LogLine, TcpPort, WaitStrategy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type=bind,src=/srv/a,dst=/a", Mount("/srv/a", "/a")),
        ("src=/srv/a,target=/a,readonly", Mount("/srv/a", "/a", read_only=True)),
        ("type=bind,source=/srv/a,destination=/a,ro=false", Mount("/srv/a", "/a")),
        ("type=volume,src=cache,dst=/c,ro", Mount("cache", "/c", "volume", read_only=True)),
        ("type=tmpfs,dst=/t", Mount("", "/t", "tmpfs")),
        ('type=bind,"src=/srv/a,b",dst=/a', Mount("/srv/a,b", "/a")),
    ],
)
def test_mount(text: str, expected: Mount) -> None:
    assert option_values.mount(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "type=bind",
        "type=bind,src=/a",
        "type=bind,dst=/a",
        "type=weird,src=/a,dst=/b",
        "src=/a,dst=relative",
        "src=/a,dst=/b,mode=7",
        "src=/a,dst=/b,ro=maybe",
        "type=tmpfs,src=/a,dst=/b",
        "type=volume,dst=/b",
        'type=bind,"src=/a,dst=/b',
        "src=/a,dst=/",
    ],
)
def test_a_mount_that_cannot_be_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        option_values.mount(text)
    assert caught.value.field in ("mounts", "mounts.source", "mounts.destination", "mounts.type")


def test_a_relative_source_is_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert option_values.volume("./src:/src").source == str(tmp_path / "src")
    assert option_values.volume("src/lib:/lib:ro") == Mount(str(tmp_path / "src/lib"), "/lib", read_only=True)
    assert option_values.mount("src=here,dst=/here").source == str(tmp_path / "here")


def test_a_source_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert option_values.volume("~/code:/code").source == str(tmp_path / "code")


def test_a_source_without_a_slash_is_a_volume() -> None:
    assert option_values.volume("cache:/var/cache") == Mount("cache", "/var/cache", "volume")


@pytest.mark.parametrize("text", ["", "a", "a:", ":/a", "/a:/b:rw:z", "/a:/b:z", "/a:b"])
def test_a_volume_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidOptionError):
        option_values.volume(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", Port(80)),
        ("8080:80", Port(80, 8080)),
        ("127.0.0.1:8080:80", Port(80, 8080)),
        ("0.0.0.0:8080:80", Port(80, 8080, "0.0.0.0")),
        ("127.0.0.1::80", Port(80)),
        ("[::1]:8080:80", Port(80, 8080, "::1")),
        ("53:53/udp", Port(53, 53, protocol="udp")),
    ],
)
def test_port(text: str, expected: Port) -> None:
    assert option_values.port(text) == expected


@pytest.mark.parametrize(
    "text", ["", "http", "80:", "0", "65536", "80/icmp", "1:2:3", "999.1.1.1:1:2", "-1", "8080:80:"]
)
def test_a_port_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidOptionError):
        option_values.port(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log:ready: yes", LogLine("ready: yes")),
        ("tcp:5432", TcpPort(5432)),
        ("http:8080", Http(8080, "/")),
        ("http:8080/health?full=1", Http(8080, "/health?full=1")),
        ("command:sh -c 'test -e /ready'", Command(["sh", "-c", "test -e /ready"])),
        ("healthy", HealthCheck()),
    ],
)
def test_ready(text: str, expected: WaitStrategy) -> None:
    assert option_values.ready(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "log", "log:", "log:(", "tcp:x", "tcp:", "http:", "http:x/", "command: ", "command:'", "healthy:1", "x:1"],
)
def test_a_wait_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidOptionError):
        option_values.ready(text)


def test_environment_takes_values_and_passes_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret=x")

    assert option_values.environment(["A=1", "B=", "C=a=b", "TOKEN"]) == {
        "A": "1",
        "B": "",
        "C": "a=b",
        "TOKEN": "s3cret=x",
    }


def test_a_variable_that_is_not_set_here_is_an_error_and_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)

    with pytest.raises(InvalidOptionError, match="Write TOKEN= for an empty value"):
        option_values.environment(["TOKEN"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("0.5", 0.5), ("5m", 300.0), ("1h30m", 5400.0), ("2d", 172800.0)]
)
def test_duration(text: str, seconds: float) -> None:
    assert option_values.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "5 m", "-5", "5w", "m"])
def test_a_duration_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        option_values.duration(text)


def test_moment() -> None:
    assert option_values.moment("1769860800") == 1769860800.0
    assert option_values.moment("2026-01-31T12:00:00+01:00") == 1769857200.0
    assert time.time() - 700 < option_values.moment("10m") < time.time() - 500
    with pytest.raises(click.BadParameter):
        option_values.moment("yesterday")


def test_user() -> None:
    assert option_values.user_fields(option_values.user_numbers("1000")) == {"uid": 1000, "gid": None}
    assert option_values.user_fields(option_values.user_numbers("0:7")) == {"uid": 0, "gid": 7}
    assert option_values.user_fields(None) == {}
    with pytest.raises(click.BadParameter, match="user names are not supported"):
        option_values.user_numbers("root")
