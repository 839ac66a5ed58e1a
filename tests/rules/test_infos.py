"""What runtimes answer, as data for programs; and what changed between two looks."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvm_runtimes import (
    Capabilities,
    EventKind,
    HostPort,
    ImageInfo,
    Platform,
    StopAllResult,
    WorkspaceEvent,
    WorkspaceInfo,
    WorkspaceStatus,
)
from dvm_runtimes.engines.base import Container
from dvm_runtimes.validation.naming import Identity, is_managed
from dvm_runtimes.workspaces.watching import differences

INFO = WorkspaceInfo(
    "id", "dvm-dev", WorkspaceStatus.RUNNING, "debian:12", ports={"80/tcp": HostPort("127.0.0.1", 8080)}
)


def test_everything_is_json() -> None:
    event = WorkspaceEvent(EventKind.STARTED, INFO, 1.5)
    things = (INFO, event, ImageInfo("sha256:1", ("a:1",)), StopAllResult(("a",), {"b": "busy"}), Capabilities())
    for thing in things:
        assert json.loads(json.dumps(thing.to_dict()))
    assert event.to_dict()["workspace"]["status"] == "running"
    assert INFO.to_dict()["ports"] == {"80/tcp": {"host": "127.0.0.1", "port": 8080}}
    platform = Platform("docker", "Docker Engine", "unix:///x").to_dict()
    assert "rank" not in platform
    assert platform["reachable"] is False


def test_capabilities_explain_themselves() -> None:
    able = Capabilities(build=False, pause=False, reasons={"build": "no BuildKit"})
    assert able.why_not("build") == "no BuildKit"
    assert able.why_not("pause") == "this engine has no pause"
    assert able.why_not("pull") == ""
    assert able.to_dict()["build"] == "no BuildKit"
    assert able.to_dict()["pull"] is True
    with pytest.raises(AttributeError):
        able.why_not("flying")


def test_a_container_is_read_by_its_labels() -> None:
    identity = Identity("my-app", "dev-1", "eco", "do-main", "")
    container = Container("id", "any-name", WorkspaceStatus.EXITED, "sha256:1", labels=identity.labels(), exit_code=3)
    info = container.info("podman")
    assert (info.app, info.workspace, info.ecosystem, info.domain, info.system) == (
        "my-app",
        "dev-1",
        "eco",
        "do-main",
        "",
    )
    assert (info.image, info.runtime, info.exit_code) == ("sha256:1", "podman", 3)
    assert is_managed(container.labels)
    assert not is_managed({"io.devopsmaestro.managed": "True"})
    assert not is_managed({})


# Two looks


def kinds(before: dict[str, WorkspaceInfo], now: dict[str, WorkspaceInfo]) -> list[tuple[EventKind, WorkspaceStatus]]:
    return [(event.kind, event.workspace.status) for event in differences(before, now)]


def at(status: WorkspaceStatus, **changes: str) -> dict[str, WorkspaceInfo]:
    return {"id": dataclasses.replace(INFO, status=status, **changes)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("running", "running", []),
        ("running", "exited", ["stopped"]),
        ("running", "dead", ["stopped"]),
        ("running", "paused", ["paused"]),
        ("paused", "running", ["resumed"]),
        ("paused", "exited", ["stopped"]),
        ("exited", "running", ["started"]),
        ("created", "running", ["started"]),
        ("running", "unknown", []),
        ("running", "removing", []),
    ],
)
def test_states_become_events(old: str, new: str, told: list[str]) -> None:
    assert kinds(at(WorkspaceStatus(old)), at(WorkspaceStatus(new))) == [
        (EventKind(kind), WorkspaceStatus(new)) for kind in told
    ]


def test_coming_going_and_other_names() -> None:
    running = at(WorkspaceStatus.RUNNING)
    assert kinds({}, running) == [
        (EventKind.CREATED, WorkspaceStatus.CREATED),
        (EventKind.STARTED, WorkspaceStatus.RUNNING),
    ]
    assert kinds(running, {}) == [(EventKind.REMOVED, WorkspaceStatus.NOT_FOUND)]
    assert kinds(running, at(WorkspaceStatus.EXITED, name="other")) == [
        (EventKind.RENAMED, WorkspaceStatus.EXITED),
        (EventKind.STOPPED, WorkspaceStatus.EXITED),
    ]


STATES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["running", "paused", "exited", "created", "dead"]))


@given(STATES, STATES)
def test_the_last_event_of_each_leads_to_the_second_look(first: dict[str, str], second: dict[str, str]) -> None:
    def look(states: dict[str, str]) -> dict[str, WorkspaceInfo]:
        return {key: dataclasses.replace(INFO, id=key, status=WorkspaceStatus(state)) for key, state in states.items()}

    before, now = look(first), look(second)
    known = dict(before)
    for event in differences(before, now):
        if event.kind is EventKind.REMOVED:
            del known[event.workspace.id]
        else:
            known[event.workspace.id] = event.workspace
    assert known == now
