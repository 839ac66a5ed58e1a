"""What the doctor tells, machine by machine."""

from __future__ import annotations

import json

import pytest

from dvm_runtimes.discovery.doctor import Report, examine

from .made_up import PATIENT, MadeUp


@pytest.fixture(autouse=True)
def own_context(linux: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(linux.root / "state"))
    monkeypatch.delenv("DVM_APP", raising=False)
    monkeypatch.delenv("DVM_WORKSPACE", raising=False)


def told(report: Report, topic: str) -> list[tuple[str, str, str]]:
    return [(one.state, one.text, one.hint) for one in report.checks if one.topic == topic]


def examined(made: MadeUp, which: str = "auto") -> Report:
    return examine(which, made.machine, timeout=PATIENT)


def test_what_is_in_use_and_why_the_others_are_not(linux: MadeUp) -> None:
    linux.live("~/.orbstack/run/docker.sock")
    linux.live("/var/run/docker.sock")
    linux.stale("~/.colima/default/docker.sock")

    report = examined(linux)

    assert report.used is not None
    assert report.used.selector == "orbstack"
    assert report.used.active
    socket = linux.home / ".orbstack/run/docker.sock"
    assert told(report, "OrbStack (orbstack)") == [("ok", f"in use: 99.1.0 at unix://{socket}", "")]
    assert told(report, "Docker Engine (docker:default)") == [
        ("note", "answers (99.1.0); not in use, for OrbStack comes first", "`--runtime docker:default` uses it.")
    ]
    ((state, text, hint),) = told(report, "Colima (profile: default) (colima:default)")
    assert (state, hint) == ("note", "Start it with `colima start`.")
    assert "nothing listens at" in text


def test_what_is_asked_for(linux: MadeUp) -> None:
    linux.live("/var/run/docker.sock")
    linux.env = {"DVM_RUNTIME": "mock"}

    report = examined(linux)

    assert report.ok
    assert (report.asked, report.source) == ("mock", "DVM_RUNTIME")
    assert told(report, "runtime") == [("ok", "mock, from DVM_RUNTIME", "")]
    assert told(report, "Docker Engine (docker:default)")[0][1].endswith("not in use, for mock is asked for")
    assert ("ok", "Mock works", "") in told(report, "engine")


def test_what_is_asked_for_and_does_not_answer(linux: MadeUp) -> None:
    linux.live("/var/run/docker.sock")

    report = examined(linux, "orbstack")

    assert not report.ok
    ((state, text, hint),) = told(report, "OrbStack (orbstack)")
    assert state == "problem"
    assert text.startswith("asked for, but is not running")
    assert hint == "Start it with `orb start`, or `open -a OrbStack`."
    assert [one.selector for one in report.platforms if one.active] == []


@pytest.mark.parametrize("which", ["dokcer", "docker:nope"])
def test_what_is_asked_for_and_does_not_exist(linux: MadeUp, which: str) -> None:
    report = examined(linux, which)

    assert not report.ok
    assert any(state == "problem" and hint for state, _, hint in told(report, "runtime"))


def test_nothing_on_the_machine(linux: MadeUp, mac: MadeUp) -> None:
    for made, names in ((linux, {"docker", "podman"}), (mac, {"docker", "podman", "orbstack", "colima"})):
        report = examine("auto", made.machine, timeout=PATIENT)
        found = {one.topic.removeprefix("install ") for one in report.checks if one.topic.startswith("install ")}
        assert names <= found
        assert not report.ok
        assert report.used is None


def test_something_is_there_and_nothing_answers(linux: MadeUp) -> None:
    linux.stale("/var/run/docker.sock")

    report = examined(linux)

    ((state, text, hint),) = told(report, "engine")
    assert (state, text) == ("problem", "no container engine answers on this machine")
    assert hint == "Start it with `sudo service docker start`."
    assert not any(one.topic.startswith("install ") for one in report.checks), "it is installed already"


def test_an_engine_that_answers_and_cannot_be_driven(linux: MadeUp) -> None:
    linux.live("/var/run/docker.sock", answer=(500, {"Api-Version": "1.45"}, b"no"))

    report = examined(linux)

    assert not report.ok
    assert told(report, "engine")[0][0] == "problem"


def test_the_configuration_and_the_context(linux: MadeUp) -> None:
    linux.write("~/.config/dvm/config.toml", "runtme = 'docker'")
    linux.write("/state/dvm/context.json", '{"app": "shop", "workspace": "dev"}')

    report = examined(linux, "mock")

    ((state, text, _),) = told(report, "configuration")
    assert state == "warning"
    assert "'runtme'" in text
    assert told(report, "context") == [("ok", f"app shop, workspace dev ({linux.root}/state/dvm/context.json)", "")]
    assert report.ok


def test_a_broken_configuration_and_a_broken_context(linux: MadeUp) -> None:
    linux.write("~/.config/dvm/config.toml", "runtime = ")
    linux.write("/state/dvm/context.json", "{")

    report = examined(linux)

    assert told(report, "configuration")[0][0] == "problem"
    assert told(report, "runtime")[0][0] == "problem"
    assert told(report, "context")[0][0] == "problem"
    assert "dvm context clear" in told(report, "context")[0][2]
    assert not report.ok


def test_it_is_json(linux: MadeUp) -> None:
    linux.live("/var/run/docker.sock")

    data = json.loads(json.dumps(examined(linux, "mock").to_dict()))

    assert data["ok"] is True
    assert data["used"]["type"] == "mock"
    assert {one["type"] for one in data["platforms"]} >= {"docker", "mock"}
    assert all(set(one) == {"topic", "state", "text", "hint"} for one in data["checks"])
