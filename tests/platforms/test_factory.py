"""The runtime that was asked for, or an error of one line that says what to do."""

from __future__ import annotations

import pytest

from dvm_runtimes.discovery import factory
from dvm_runtimes.discovery.detection import detect_platform, detect_platforms
from dvm_runtimes.discovery.factory import check_system, create_runtime, first_usable
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.errors import InvalidOptionError, RuntimeUnavailableError, UnsupportedError
from dvm_runtimes.plugins import providers

from .made_up import PATIENT, MadeUp


@pytest.fixture
def here(linux: MadeUp, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """This process believes that it runs on that machine."""
    monkeypatch.setattr(Machine, "this", classmethod(lambda cls: linux.machine))
    # The other kinds of engine look at this machine's programs.
    keep = {
        name: one for name, one in providers().items() if name in ("orbstack", "colima", "docker", "podman", "mock")
    }
    monkeypatch.setattr(factory, "providers_for", lambda which: keep)
    monkeypatch.setitem(detect_platforms.__globals__, "providers", lambda: keep)
    return linux


def test_the_mock_by_name(here: MadeUp) -> None:
    with create_runtime("mock") as runtime:
        assert (runtime.runtime_type, runtime.platform_name) == ("mock", "Mock")


def test_the_mock_is_never_chosen(here: MadeUp) -> None:
    with pytest.raises(RuntimeUnavailableError, match="no container platform was found") as caught:
        create_runtime()
    assert "dvm doctor" in caught.value.hint


def test_overrides_that_there_are_not(here: MadeUp) -> None:
    with pytest.raises(InvalidOptionError, match="colour"):
        create_runtime("mock", colour="red")


def test_the_environment_is_asked(here: MadeUp) -> None:
    here.env = {"CONTAINER_RUNTIME": "mock"}
    with create_runtime() as runtime:
        assert runtime.runtime_type == "mock"
    here.env["DVM_RUNTIME"] = "podman"
    with pytest.raises(RuntimeUnavailableError, match="Podman"):
        create_runtime()


def test_nothing_that_answers_tells_of_each_and_what_helps(here: MadeUp) -> None:
    here.stale("/var/run/docker.sock")
    here.stale("~/.colima/default/docker.sock")

    with pytest.raises(RuntimeUnavailableError) as caught:
        create_runtime()

    text = str(caught.value)
    assert "\n" not in text
    assert "Colima (profile: default) is not running" in text
    assert "Docker Engine is not running" in text
    assert text.endswith("Start it with `colima start`.")
    with pytest.raises(RuntimeUnavailableError):
        detect_platform()


def test_the_first_that_answers(here: MadeUp) -> None:
    here.stale("~/.orbstack/run/docker.sock")
    here.live("~/.colima/work/docker.sock")
    here.live("/var/run/docker.sock")

    assert first_usable(here.machine, PATIENT)[1].selector == "colima:work"
    assert detect_platform(timeout=PATIENT).selector == "colima:work"
    assert [one.selector for one in detect_platforms(timeout=PATIENT) if one.active] == ["colima:work"]


def test_the_one_that_is_asked_for(here: MadeUp) -> None:
    here.live("~/.colima/work/docker.sock")
    here.live("/var/run/docker.sock")
    here.env = {"DVM_RUNTIME": "docker"}

    found = detect_platform(timeout=PATIENT)

    assert (found.selector, found.active, found.version) == ("docker:default", True, "99.1.0")
    assert [one.selector for one in detect_platforms(timeout=PATIENT) if one.active] == ["docker:default"]


@pytest.mark.parametrize("asked", ["docker:nope", "colima", "no-such-thing"])
def test_asked_for_and_not_there(here: MadeUp, asked: str) -> None:
    """Listing still works; what needs the one that is asked for says what is wrong."""
    here.live("/var/run/docker.sock")
    here.env = {"DVM_RUNTIME": asked}

    platforms = detect_platforms(timeout=PATIENT)

    assert [one.selector for one in platforms if one.reachable] == ["docker:default", "mock"]
    assert not any(one.active for one in platforms)
    with pytest.raises((RuntimeUnavailableError, InvalidOptionError)) as caught:
        detect_platform(timeout=PATIENT)
    assert caught.value.hint


@pytest.mark.parametrize("name", sorted(providers()))
def test_on_windows(name: str) -> None:
    """Everything imports; the mock works; any other answers with one line that names WSL."""
    windows = Machine.this()._replace(system="windows")
    provider = providers()[name]

    if name == "mock":
        check_system(provider, windows)
        return
    with pytest.raises(UnsupportedError, match="WSL") as caught:
        check_system(provider, windows)
    assert "\n" not in str(caught.value)
