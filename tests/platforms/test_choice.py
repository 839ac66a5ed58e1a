"""Which runtime is asked for: argument, environment, configuration, in this order."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from dvm_runtimes.discovery.choice import choose
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.plugins import providers
from dvm_runtimes.user.config import Config, config_file, load_config
from dvm_runtimes.user.folders import config_folder, state_folder

from .made_up import MadeUp

EVERYWHERE = {"DVM_RUNTIME": "podman", "DVM_PLATFORM": "orbstack", "CONTAINER_RUNTIME": "docker"}


def asked(made: MadeUp, which: str = "auto") -> tuple[str, str]:
    choice = choose(which, made.machine, providers())
    return str(choice), choice.source


def configured(made: MadeUp, text: str) -> str:
    return str(made.write("~/.config/dvm/config.toml", text))


def test_precedence(linux: MadeUp) -> None:
    """Each is taken away in turn, and the next one counts."""
    file = configured(linux, 'runtime = "colima:work"')
    linux.env = dict(EVERYWHERE)

    assert asked(linux, "mock") == ("mock", "runtime")
    assert asked(linux) == ("podman", "DVM_RUNTIME")
    del linux.env["DVM_RUNTIME"]
    assert asked(linux) == ("orbstack", "DVM_PLATFORM")
    del linux.env["DVM_PLATFORM"]
    assert asked(linux) == ("docker", "CONTAINER_RUNTIME")
    del linux.env["CONTAINER_RUNTIME"]
    assert asked(linux) == ("colima:work", file)
    Path(file).unlink()
    assert asked(linux) == ("auto", "")


def test_a_variable_may_ask_for_auto_against_the_configuration(linux: MadeUp) -> None:
    configured(linux, 'runtime = "podman"')
    linux.env = {"DVM_RUNTIME": "auto", "CONTAINER_RUNTIME": "docker"}

    assert asked(linux) == ("auto", "DVM_RUNTIME")


def test_an_empty_variable_is_not_set(linux: MadeUp) -> None:
    linux.env = {"DVM_RUNTIME": " ", "CONTAINER_RUNTIME": "docker"}

    assert asked(linux) == ("docker", "CONTAINER_RUNTIME")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("docker", "docker"),
        (" Docker ", "docker"),
        ("COLIMA:Work", "colima:Work"),
        ("docker-desktop", "docker"),
        ("linux-native", "docker"),
        ("docker:a:b", "docker:a:b"),
    ],
)
def test_how_names_may_be_written(linux: MadeUp, text: str, found: str) -> None:
    assert asked(linux, text)[0] == found


@pytest.mark.parametrize(("text", "close"), [("dokcer", "docker"), ("pod-man", "podman"), ("colimma:work", "colima")])
def test_a_name_with_a_slip(linux: MadeUp, text: str, close: str) -> None:
    linux.env = {"DVM_RUNTIME": text}

    with pytest.raises(InvalidOptionError) as caught:
        asked(linux)
    line = str(caught.value)
    assert line.startswith(f"DVM_RUNTIME={text!r}: there is no such runtime. Did you mean {close!r}? There are: auto, ")
    assert "\n" not in line
    for name in providers():
        assert name in line


@pytest.mark.parametrize("text", ["zzz", "all", "kubernetes-in-the-sky", "a\nb"])
def test_a_name_like_none_other(linux: MadeUp, text: str) -> None:
    with pytest.raises(InvalidOptionError, match="there is no such runtime") as caught:
        asked(linux, text)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("text", ["colima:", "colima: "])
def test_a_colon_without_a_profile(linux: MadeUp, text: str) -> None:
    with pytest.raises(InvalidOptionError, match="a profile is missing"):
        asked(linux, text)


# The configuration file


def test_no_file_is_the_defaults(linux: MadeUp) -> None:
    assert load_config(linux.machine) == Config(linux.home / ".config/dvm/config.toml")


@pytest.mark.parametrize("value", ["", "/elsewhere", "relative"])
def test_the_places_are_those_of_platformdirs(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", value)
    monkeypatch.setenv("XDG_STATE_HOME", value)

    assert config_folder(Machine.this()) == platformdirs.user_config_path("dvm", appauthor=False)
    assert state_folder() == platformdirs.user_state_path("dvm", appauthor=False)


@pytest.mark.parametrize(
    ("system", "env", "expected"),
    [
        ("linux", {}, "/h/.config/dvm/config.toml"),
        ("linux", {"XDG_CONFIG_HOME": "/x"}, "/x/dvm/config.toml"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "/h/.config/dvm/config.toml"),
        ("darwin", {}, "/h/Library/Application Support/dvm/config.toml"),
        ("windows", {}, "/h/AppData/Local/dvm/config.toml"),
        ("windows", {"LOCALAPPDATA": "/l"}, "/l/dvm/config.toml"),
    ],
)
def test_places(system: str, env: dict[str, str], expected: str) -> None:
    assert config_file(Machine(env=env, home=Path("/h"), system=system)) == Path(expected)


def test_keys_that_mean_nothing_are_kept_for_the_doctor(linux: MadeUp) -> None:
    configured(linux, 'runtme = "docker"\nruntime = " "\n')

    config = load_config(linux.machine)

    assert (config.runtime, config.unknown) == ("auto", ("runtme",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [("runtime = docker", "is not TOML"), ("runtime = 7", "must be a string"), ("\xff", "it is not UTF-8")],
)
def test_a_broken_file_says_what_to_do(linux: MadeUp, text: str, problem: str) -> None:
    file = linux.write("~/.config/dvm/config.toml", "")
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(InvalidOptionError, match=problem) as caught:
        asked(linux)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_opened(linux: MadeUp) -> None:
    linux.folder("~/.config/dvm/config.toml")

    with pytest.raises(InvalidOptionError, match="cannot be read: Is a directory"):
        load_config(linux.machine)
