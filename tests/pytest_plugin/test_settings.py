"""Options, variables and ini settings, in their order."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_dvm.run_identity import run_identity
from pytest_dvm.settings import Settings, read, runtime_names


class Config:
    """As much of `pytest.Config` as settings need."""

    def __init__(self, options: dict[str, Any] | None = None, ini: dict[str, str] | None = None) -> None:
        self.options = options or {}
        self.ini = ini or {}

    def getoption(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)

    def getini(self, name: str) -> str:
        return self.ini.get(name, "")


def settings(options: dict[str, Any] | None = None, ini: dict[str, str] | None = None, **env: str) -> Settings:
    return read(Config(options, ini), env)  # type: ignore[arg-type]


def test_nothing_settled() -> None:
    assert settings() == Settings(("auto",), "", "never", "skip", 120.0)


def test_the_option_goes_before_the_variables_and_those_before_the_project() -> None:
    option, ini = {"--dvm-runtime": "docker"}, {"dvm_runtime": "k3s"}
    env = {"DVM_RUNTIME": "podman", "CONTAINER_RUNTIME": "colima"}

    assert settings(option, ini, **env).runtimes == ("docker",)
    assert settings(None, ini, **env).runtimes == ("podman",)
    assert settings(None, ini, CONTAINER_RUNTIME="colima").runtimes == ("colima",)
    assert settings(None, ini, DVM_PLATFORM="orbstack", CONTAINER_RUNTIME="colima").runtimes == ("orbstack",)
    assert settings(None, ini, DVM_RUNTIME=" ").runtimes == ("k3s",)


def test_an_option_goes_before_its_ini_setting() -> None:
    ini = {"dvm_image": "a", "dvm_keep": "always", "dvm_unavailable": "fail", "dvm_timeout": "7"}

    assert settings(None, ini) == Settings(("auto",), "a", "always", "fail", 7.0)
    assert settings({"--dvm-image": "b", "--dvm-keep": "failed"}, ini).image == "b"
    assert settings({"--dvm-image": "b", "--dvm-keep": "failed"}, ini).keep == "failed"


def test_names_of_several_runtimes() -> None:
    assert runtime_names("docker , podman,,docker") == ("docker", "podman")
    assert runtime_names("docker,all") == ("all",)
    assert runtime_names("") == ("auto",)


@pytest.mark.parametrize(
    ("name", "value"),
    [("dvm_keep", "some"), ("dvm_unavailable", "maybe"), ("dvm_timeout", "soon"), ("dvm_timeout", "-1")],
)
def test_a_setting_that_means_nothing_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(pytest.UsageError, match=f"{name}='{value}'"):
        settings(None, {name: value})


def test_a_process_that_runs_tests_by_itself_has_a_run_of_its_own() -> None:
    one, other = run_identity(None), run_identity(None)

    assert one.run != other.run
    assert not one.shared
    assert one.prefix == f"dvm-test-{one.run}"


def test_a_worker_whose_controller_is_elsewhere_keeps_to_itself() -> None:
    place = run_identity({"dvm_run": "abc", "dvm_controller": 1 << 22, "workerid": "gw1"})

    assert not place.shared
    assert place.prefix == "dvm-test-abc-gw1"
