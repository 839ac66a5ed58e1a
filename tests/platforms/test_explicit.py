"""Engines that the user's own settings name: used, or an error; another engine is never taken instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dvm_runtimes.discovery.detection import detect_platform, detect_platforms
from dvm_runtimes.discovery.doctor import examine
from dvm_runtimes.discovery.factory import create_runtime
from dvm_runtimes.errors import RuntimeUnavailableError

from .made_up import PATIENT, MadeUp
from .test_docker_platform import context, use

Setting = Callable[[MadeUp], None]


@pytest.fixture
def here(searched: MadeUp) -> MadeUp:
    """A machine on which Docker and Podman answer at their default places."""
    searched.live("/var/run/docker.sock")
    searched.live("/run/user/1234/podman/podman.sock")
    return searched


def _dead_host(made: MadeUp) -> None:
    made.env["DOCKER_HOST"] = f"unix://{made.root}/gone.sock"


def _dead_context(made: MadeUp) -> None:
    context(made, "work", f"unix://{made.root}/gone.sock")
    use(made, "work")


def _dead_named_context(made: MadeUp) -> None:
    context(made, "work", f"unix://{made.root}/gone.sock")
    made.env["DOCKER_CONTEXT"] = "work"


def _missing_named_context(made: MadeUp) -> None:
    context(made, "other", "unix:///other.sock")
    made.env["DOCKER_CONTEXT"] = "nosuch"


def _missing_context(made: MadeUp) -> None:
    use(made, "nosuch")


def _stopped_product(made: MadeUp) -> None:
    made.stale("~/.docker/desktop/docker.sock")
    context(made, "desktop-linux", f"unix://{made.home}/.docker/desktop/docker.sock")
    use(made, "desktop-linux")


SETTINGS: dict[str, tuple[Setting, str, str]] = {
    "DOCKER_HOST": (_dead_host, "Docker Engine (DOCKER_HOST) is not running", "`unset DOCKER_HOST`"),
    "current context": (_dead_context, "Docker (context work) is not running", "`docker context use default`"),
    "DOCKER_CONTEXT": (_dead_named_context, "Docker (context work) is not running", "`unset DOCKER_CONTEXT`"),
    "missing DOCKER_CONTEXT": (_missing_named_context, "no Docker context 'nosuch'", "contexts: default, other."),
    "missing current context": (_missing_context, "no Docker context 'nosuch'", "`docker context use default`"),
    "context of a product": (_stopped_product, "Docker Desktop is not running", "Docker's current context names"),
}


@pytest.mark.parametrize("which", ["auto", "docker"])
@pytest.mark.parametrize(("setting", "problem", "hint"), SETTINGS.values(), ids=SETTINGS)
def test_one_that_cannot_be_had_is_an_error(
    here: MadeUp, setting: Setting, problem: str, hint: str, which: str
) -> None:
    setting(here)
    if which != "auto":
        here.env["DVM_RUNTIME"] = which

    with pytest.raises(RuntimeUnavailableError) as created:
        create_runtime()
    with pytest.raises(RuntimeUnavailableError) as detected:
        detect_platform(timeout=PATIENT)

    assert problem in created.value.message
    assert problem in detected.value.message
    if which == "auto":
        assert hint in created.value.hint
        assert hint in detected.value.hint
    assert not any(one.active for one in detect_platforms(timeout=PATIENT))


@pytest.mark.parametrize(("setting", "problem", "hint"), SETTINGS.values(), ids=SETTINGS)
def test_the_doctor_says_so(here: MadeUp, setting: Setting, problem: str, hint: str) -> None:
    setting(here)

    report = examine("auto", here.machine, timeout=PATIENT)

    assert not report.ok
    problems = [f"{one.topic} {one.text} {one.hint}" for one in report.checks if one.state == "problem"]
    assert len(problems) == 1
    assert problem.partition(" is ")[0] in problems[0]


@pytest.mark.parametrize(("setting", "problem", "hint"), SETTINGS.values(), ids=SETTINGS)
def test_lists_still_show_every_engine(here: MadeUp, setting: Setting, problem: str, hint: str) -> None:
    setting(here)

    platforms = here.platforms()

    assert [one.selector for one in platforms if one.reachable] == ["docker:default", "podman:rootless"]
    first = platforms[0]
    assert not first.reachable
    assert first.hint


def test_one_that_answers_is_used_before_the_order_of_auto(here: MadeUp) -> None:
    here.live("~/.orbstack/run/docker.sock")
    here.live("/srv/a.sock")
    context(here, "a", f"unix://{here.root}/srv/a.sock")
    use(here, "a")

    assert detect_platform(timeout=PATIENT).endpoint == f"unix://{here.root}/srv/a.sock"
    assert [one.name for one in detect_platforms(timeout=PATIENT) if one.active] == ["Docker (context a)"]


def test_the_default_context_is_no_choice(here: MadeUp) -> None:
    here.env["DOCKER_CONTEXT"] = "default"
    use(here, "nosuch")

    assert detect_platform(timeout=PATIENT).selector == "docker:default"


def test_another_runtime_by_name_does_not_ask_docker(here: MadeUp) -> None:
    _missing_context(here)
    here.env["DVM_RUNTIME"] = "podman"

    assert detect_platform(timeout=PATIENT).selector == "podman:rootless"


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("CONTAINER_HOST", "unix:///gone.sock", "Podman (CONTAINER_HOST) is not running"),
        ("CONTAINER_CONNECTION", "nosuch", "Podman has no 'nosuch'"),
    ],
)
def test_podmans_own_settings(here: MadeUp, variable: str, value: str, problem: str) -> None:
    here.env |= {variable: value, "DVM_RUNTIME": "podman"}

    with pytest.raises(RuntimeUnavailableError) as caught:
        create_runtime()

    assert problem in caught.value.message
    podmans = [one for one in here.platforms() if one.type == "podman"]
    assert [one.selector for one in podmans if one.rank < 1000] == ["podman"], "the others must be asked for"
