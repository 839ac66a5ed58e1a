"""Podman's service is started when it is asked for by name, once, and handed the socket that all connect to."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dvm_runtimes.engines.docker_api import Endpoint
from dvm_runtimes.engines.docker_api.client import ping
from dvm_runtimes.errors import RuntimeUnavailableError
from dvm_runtimes.platforms.podman.provider import PodmanProvider, rootless_folder
from dvm_runtimes.platforms.podman.service import ensure_service, listens, podman_program

from .made_up import PATIENT, MadeUp

PODMAN = PodmanProvider()

# Speaks as little HTTP as is needed, on the socket that it is handed.
SERVES = """\
import json, os, socket, sys
with open({started!r}, "a") as file:
    print(os.getpid(), *sys.argv[1:], file=file)
assert os.environ["LISTEN_FDS"] == "1" and os.environ["LISTEN_PID"] == str(os.getpid())
listener = socket.socket(fileno=3)
body = json.dumps({{"Version": "5.5.5", "ApiVersion": "1.41"}}).encode()
while True:
    client, _ = listener.accept()
    with client:
        if not client.recv(65536):
            continue
        head = ["HTTP/1.1 200 OK", "Api-Version: 1.41", f"Content-Length: {{len(body)}}", "Connection: close", "", ""]
        client.sendall("\\r\\n".join(head).encode() + body)
"""
FAILS = """\
import sys
print("Error: the storage is broken", file=sys.stderr)
sys.exit(125)
"""

Install = Callable[[str], None]


def started(made: MadeUp) -> list[list[str]]:
    """Each time the program was started: its number and its words."""
    file = made.path("/started")
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def install(linux: MadeUp) -> Iterator[Install]:
    """Put a program named podman there; every process of it is ended with the test."""

    def install(text: str) -> None:
        script = linux.write("/usr/lib/podman.py", text.format(started=str(linux.path("/started"))))
        program = linux.write("/usr/bin/podman", f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
        program.chmod(0o755)

    yield install
    for number, *_ in started(linux):
        os.kill(int(number), signal.SIGKILL)


def socket_of(made: MadeUp) -> Path:
    return made.path("/run/user/1234/podman/podman.sock")


def version(made: MadeUp) -> str:
    return ping(Endpoint.parse(f"unix://{socket_of(made)}"), PATIENT).version


def test_started_once_however_many_ask(linux: MadeUp, install: Install) -> None:
    install(SERVES)

    def ask(_: int) -> str:
        ensure_service(socket_of(linux), linux.machine, "Podman")
        return version(linux)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == ["5.5.5"] * 8

    ((_, *words),) = started(linux)
    assert words == ["system", "service", "--time=3600"]
    assert socket_of(linux).stat().st_mode & 0o777 == 0o600
    assert socket_of(linux).parent.stat().st_mode & 0o777 == 0o700


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(linux: MadeUp, install: Install) -> None:
    install(SERVES)
    linux.stale("/run/user/1234/podman/podman.sock")
    ensure_service(socket_of(linux), linux.machine, "Podman")
    assert version(linux) == "5.5.5"
    ensure_service(socket_of(linux), linux.machine, "Podman")

    assert len(started(linux)) == 1


def test_asked_for_by_name(linux: MadeUp, install: Install) -> None:
    install(SERVES)

    with PODMAN.create(PODMAN.select(linux.machine, ""), linux.machine) as runtime:
        assert (runtime.platform_name, runtime.version()) == ("Podman (rootless)", "5.5.5")


@pytest.fixture
def no_run_user(linux: MadeUp, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """A machine without ``/run/user/UID``, whose user may not make it: a container, or a session of cron or su."""
    linux.uid = os.getuid() or 1234  # root's own is another one
    linux.folder("/run")
    linux.folder("/tmp")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **more: mode != os.W_OK and access(path, mode, **more))
    return linux


def test_without_run_user_it_is_started_below_the_temporary_folder(no_run_user: MadeUp, install: Install) -> None:
    install(SERVES)
    socket = no_run_user.path(f"/tmp/podman-run-{no_run_user.uid}/podman/podman.sock")

    platform = PODMAN.select(no_run_user.machine, "rootless")
    assert platform.endpoint == f"unix://{socket}"
    with PODMAN.create(platform, no_run_user.machine) as runtime:
        assert runtime.version() == "5.5.5"
    assert socket.parent.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["podman", "storage"])
def test_without_run_user_one_that_runs_is_found(no_run_user: MadeUp, name: str) -> None:
    for one in ("podman", name):
        folder = no_run_user.folder(f"/tmp/{one}-run-{no_run_user.uid}")
        folder.chmod(0o700)
        os.chown(folder, no_run_user.uid, -1)
    no_run_user.live(f"/tmp/{name}-run-{no_run_user.uid}/podman/podman.sock")

    (platform,) = no_run_user.platforms()
    assert (platform.endpoint, platform.reachable) == (f"unix://{folder}/podman/podman.sock", True)


def test_a_temporary_folder_that_others_may_write_to_is_passed_over(no_run_user: MadeUp) -> None:
    """Whoever made it could serve a socket of their own there."""
    for name in ("podman", "storage"):
        folder = no_run_user.folder(f"/tmp/{name}-run-{no_run_user.uid}")
        folder.chmod(0o777)
        os.chown(folder, no_run_user.uid, -1)

    assert rootless_folder(no_run_user.machine) == no_run_user.home / "rundir"


def test_looking_starts_nothing(linux: MadeUp, install: Install) -> None:
    install(SERVES)

    (platform,) = linux.platforms()

    assert not platform.reachable
    assert platform.selector == "podman:rootless"
    assert started(linux) == []


def test_root_s_engine_is_not_started_for_others(linux: MadeUp, install: Install) -> None:
    install(SERVES)

    with pytest.raises(RuntimeUnavailableError, match="no socket at"):
        PODMAN.create(PODMAN.select(linux.machine, "rootful"), linux.machine)
    assert started(linux) == []


def test_a_service_that_fails_says_why(linux: MadeUp, install: Install) -> None:
    install(FAILS)

    with pytest.raises(RuntimeUnavailableError) as caught:
        PODMAN.create(PODMAN.select(linux.machine, ""), linux.machine)

    assert "the storage is broken" in caught.value.detail
    assert caught.value.hint


def test_without_podman_nothing_is_started(linux: MadeUp) -> None:
    assert podman_program(linux.machine) == ""
    ensure_service(socket_of(linux), linux.machine, "Podman")
    assert not socket_of(linux).exists()


def test_a_place_where_no_socket_can_be(linux: MadeUp, install: Install) -> None:
    install(SERVES)
    linux.write("/run/user", "a file")

    with pytest.raises(RuntimeUnavailableError, match="cannot be started at") as caught:
        ensure_service(socket_of(linux), linux.machine, "Podman")
    assert "podman system service" in caught.value.hint


def test_the_program_is_looked_for_on_the_path(linux: MadeUp, install: Install) -> None:
    install(SERVES)
    assert podman_program(linux.machine) == str(linux.path("/usr/bin/podman"))
    linux.env = {"PATH": "/opt/bin:relative"}
    assert podman_program(linux.machine) == ""


@pytest.mark.parametrize("arrange", [MadeUp.live, MadeUp.hanging, MadeUp.full], ids=["live", "hanging", "full"])
def test_who_listens(linux: MadeUp, arrange: Callable[[MadeUp, str], object]) -> None:
    assert not listens(linux.path("/e.sock"))
    arrange(linux, "/e.sock")
    assert listens(linux.path("/e.sock"))
