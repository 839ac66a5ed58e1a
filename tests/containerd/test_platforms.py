"""Which containerd is found, what it is called, and what to do when it does not answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.platforms.conftest import unprivileged
from tests.platforms.made_up import MadeUp

from dvm_runtimes.discovery.detection import detect_platforms
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.engines.nerdctl import NAMESPACE
from dvm_runtimes.errors import InvalidOptionError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform
from dvm_runtimes.platforms.colima.containerd import create_containerd, probe_containerd
from dvm_runtimes.platforms.containerd import ContainerdProvider

ANSWER = '{"Client":{"Version":"v2.1.6"},"Server":{"Components":[{"Name":"containerd","Version":"1.7.24"}]}}'


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}, home=tmp_path / "home", uid=1000, root=tmp_path)


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def program(machine: Machine, name: str, script: str) -> str:
    """A program of that name on the machine's PATH."""
    return str(put(machine.root / "bin" / name, f"#!/bin/sh\n{script}\n"))


def test_nothing_is_found_where_nothing_is(machine: Machine) -> None:
    provider = ContainerdProvider()
    assert provider.find(machine) == []
    assert provider.select(machine, "").endpoint.endswith("/run/containerd/containerd.sock")
    with pytest.raises(RuntimeUnavailableError, match="no containerd of the kind 'k3s'"):
        provider.select(machine, "k3s")
    assert "nerdctl" in provider.install_hint(machine)


def test_each_kind_is_called_what_it_is(machine: Machine) -> None:
    put(machine.path("/run/containerd/containerd.sock"))
    put(machine.path("/run/k3s/containerd/containerd.sock"))
    put(machine.path("/run/user/1000/containerd-rootless/child_pid"))
    provider = ContainerdProvider()
    found = provider.find(machine)
    assert [(one.selector, one.name) for one in found] == [
        ("containerd:rootless", "containerd (rootless)"),
        ("containerd:system", "containerd"),
        ("containerd:k3s", "containerd (of k3s)"),
    ]
    assert provider.select(machine, "k3s") == found[2]
    assert provider.select(machine, "") == found[0]


@pytest.mark.parametrize(
    "address", ["/run/k3s/containerd/containerd.sock", "unix:///run/k3s/containerd/containerd.sock"]
)
def test_an_address_wins_and_k3s_is_recognised(machine: Machine, address: str) -> None:
    put(machine.path("/run/containerd/containerd.sock"))
    here = Machine(env={**machine.env, "CONTAINERD_ADDRESS": address}, home=machine.home, uid=0, root=machine.root)
    (found,) = ContainerdProvider().find(here)
    assert (found.name, found.endpoint) == ("containerd (of k3s)", "unix:///run/k3s/containerd/containerd.sock")


@pytest.mark.parametrize(("uid", "user"), [(1000, (0, 0)), (0, (os.getuid(), os.getgid()))])
def test_who_runs_it_is_root_inside_where_it_is_rootless(machine: Machine, uid: int, user: tuple[int, int]) -> None:
    program(machine, "nerdctl", f"echo '{ANSWER}'")
    here = machine._replace(uid=uid)
    provider = ContainerdProvider()
    with provider.create(provider.select(here, ""), here) as runtime:
        assert runtime.engine.default_user() == user
        assert runtime.capabilities.resource_limits == (uid == 0)


def test_it_answers_with_both_versions(machine: Machine) -> None:
    program(machine, "nerdctl", f"echo '{ANSWER}'")
    provider = ContainerdProvider()
    probe = provider.probe(provider.select(machine, ""), machine, 20)
    assert probe.version == "containerd 1.7.24, nerdctl 2.1.6"
    assert probe.reachable


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ('echo \'{"Client":{"Version":"v1.5.0"}}\'', "too old"),
        ('echo \'time="1" level=fatal msg="rootless containerd not running?"\' >&2; exit 1', "refuses access"),
        ("exec sleep 60", "did not answer within"),
    ],
)
def test_it_says_what_is_wrong(machine: Machine, script: str, problem: str) -> None:
    program(machine, "nerdctl", script)
    provider = ContainerdProvider()
    probe = provider.probe(provider.select(machine, ""), machine, 0.5 if "sleep" in script else 20)
    assert problem in probe.problem
    assert probe.hint


def test_without_nerdctl(machine: Machine) -> None:
    provider = ContainerdProvider()
    platform = provider.select(machine, "")
    assert "no nerdctl" in provider.probe(platform, machine, 20).problem
    with pytest.raises(RuntimeUnavailableError, match=r"no nerdctl for containerd\. Install nerdctl"):
        provider.create(platform, machine)


def test_what_it_is_created_with(machine: Machine) -> None:
    log = machine.root / "words"
    program(machine, "nerdctl", f"echo \"$@\" >> {log}; echo '{ANSWER}'")
    provider = ContainerdProvider()
    with provider.create(provider.select(machine, ""), machine, address="/x.sock", namespace="mine") as runtime:
        assert runtime.runtime_type == "nerdctl"
        assert runtime.endpoint == "unix:///x.sock"
    assert log.read_text().startswith("--address /x.sock --namespace mine version")
    with pytest.raises(InvalidOptionError, match="containerd takes `nerdctl`, `address`, `namespace`"):
        provider.create(provider.select(machine, ""), machine, nonsense=1)


# Colima's profiles that run containerd


@pytest.fixture
def colima(machine: Machine) -> Platform:
    return Platform(type="colima", name="Colima containerd (profile: work)", endpoint="unix:///x", profile="work")


def test_colima_without_its_command(machine: Machine, colima: Platform) -> None:
    assert "command `colima` is missing" in probe_containerd(colima, machine, 20).problem
    with pytest.raises(RuntimeUnavailableError, match="brew install colima"):
        create_containerd(colima, machine)


@pytest.mark.parametrize(
    ("script", "problem", "hint"),
    [
        (
            'echo \'time="1" level=fatal msg="colima [profile=work] not running"\' >&2; exit 1',
            "not running",
            "colima start work",
        ),
        ("exec sleep 60", "did not answer within", "colima start work"),
        ("exit 1", "connection broke", "colima start work"),
    ],
)
def test_colima_that_does_not_answer(machine: Machine, colima: Platform, script: str, problem: str, hint: str) -> None:
    program(machine, "colima", script)
    probe = probe_containerd(colima, machine, 0.5 if "sleep" in script else 20)
    assert problem in probe.problem
    assert hint in probe.hint


def test_colima_takes_no_other_options(machine: Machine, colima: Platform) -> None:
    with pytest.raises(InvalidOptionError, match="take `namespace`"):
        create_containerd(colima, machine, nonsense=1)


def test_the_namespace_is_our_own() -> None:
    assert NAMESPACE == "devopsmaestro"


def test_a_folder_that_may_not_be_read() -> None:
    """As /run/containerd on some hosts: a row with a hint, and no other platform is hidden."""
    with MadeUp() as made:
        made.root.chmod(0o755)
        socket = made.write("/run/containerd/containerd.sock", "")
        socket.parent.chmod(0o700)
        with unprivileged():
            (platform,) = [one for one in detect_platforms(made.machine, timeout=20) if one.type == "containerd"]
            chosen = ContainerdProvider().select(made.machine, "")

    assert chosen.endpoint == platform.endpoint == f"unix://{socket}"
    assert (platform.problem, platform.selector) == ("refuses access to this user", "containerd:system")
    assert platform.hint.startswith("Run as root")
