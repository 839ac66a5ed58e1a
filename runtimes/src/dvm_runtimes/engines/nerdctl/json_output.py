"""nerdctl's JSON as DVM's data: containers, images, events and versions, for every nerdctl since 1.7.

Pure: text in, data out. ``ps`` of nerdctl 2 joins labels with commas, and values may hold commas: so everything is
read from ``inspect``.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dvm_runtimes.engines.base import Container, EngineEvent
from dvm_runtimes.errors import UnsupportedError
from dvm_runtimes.infos import EventKind, HostPort, ImageInfo, WorkspaceStatus

if TYPE_CHECKING:
    from .profile import NerdctlProfile

_STATUSES = {
    "running": WorkspaceStatus.RUNNING,
    "paused": WorkspaceStatus.PAUSED,
    "pausing": WorkspaceStatus.PAUSED,
    "restarting": WorkspaceStatus.RESTARTING,
    "created": WorkspaceStatus.CREATED,
    "exited": WorkspaceStatus.EXITED,
    "stopped": WorkspaceStatus.EXITED,
    "dead": WorkspaceStatus.DEAD,
    "removing": WorkspaceStatus.REMOVING,
}
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - replaced, not listened at
_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")
_KINDS = {
    "/containers/create": EventKind.CREATED,
    "/containers/update": EventKind.RENAMED,
    "/containers/delete": EventKind.REMOVED,
    "/tasks/start": EventKind.STARTED,
    "/tasks/exit": EventKind.STOPPED,
    "/tasks/paused": EventKind.PAUSED,
    "/tasks/resumed": EventKind.RESUMED,
}
NAME_LABEL = "nerdctl/name"
EMPTY_LABEL = "io.devopsmaestro.empty"
"""Names the labels whose value is empty, as a list in JSON: containerd itself keeps none of those."""


def objects(text: str) -> list[dict[str, Any]]:
    """Every JSON object in ``text``, be it an array, one object, or one object a line; ``null`` is none.

    >>> objects('[{"Id": "a"}]') == objects('{"Id": "a"}') == [{"Id": "a"}]
    True
    """
    found: list[dict[str, Any]] = []
    decoder = json.JSONDecoder()
    position = 0
    while (position := _skip_blanks(text, position)) < len(text):
        value, position = decoder.raw_decode(text, position)
        found.extend(one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict))
    return found


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def containers(text: str) -> list[Container]:
    """The output of `scripts.INSPECT` or `scripts.LIST`."""
    found = objects(text)
    lifecycles = {str(one["Lifecycle"]): one.get("State") or {} for one in found if "Lifecycle" in one}
    return [container(one, lifecycles.get(_id(one))) for one in found if "Lifecycle" not in one]


def _id(data: Mapping[str, Any]) -> str:
    return str(data.get("Id") or data.get("ID") or "")


def container(data: Mapping[str, Any], lifecycle: Mapping[str, Any] | None = None) -> Container:
    """One object of ``nerdctl container inspect``.

    Args:
        data: the object.
        lifecycle: nerdctl's own record of the container's start; None if there is none.
    """
    state: Mapping[str, Any] = data.get("State") or {}
    if lifecycle and not state.get("Status") and not lifecycle.get("create_error"):
        started = seconds(lifecycle.get("started_at"))
        if started is not None:
            # It has run, and its task is gone with the machine's last run; nobody knows its exit code.
            data = {**data, "State": {**state, "Status": "exited", "StartedAt": lifecycle["started_at"]}}
            return container(data)._replace(exit_code=None)
    config: Mapping[str, Any] = data.get("Config") or {}
    labels = with_empty(label_map(config.get("Labels")))
    state_now = status(state)
    ran = state_now not in (WorkspaceStatus.CREATED, WorkspaceStatus.RUNNING, WorkspaceStatus.PAUSED)
    network: Mapping[str, Any] = data.get("NetworkSettings") or {}
    alive = state_now in (WorkspaceStatus.RUNNING, WorkspaceStatus.PAUSED)
    return Container(
        id=_id(data),
        name=str(data.get("Name") or labels.get(NAME_LABEL, "")).lstrip("/"),
        status=state_now,
        image=familiar(str(data.get("Image") or "")),
        labels=labels,
        created=seconds(data.get("Created")) or 0.0,
        started=seconds(state.get("StartedAt")),
        finished=seconds(state.get("FinishedAt")),
        exit_code=int(state.get("ExitCode") or 0) if ran else None,
        ports=ports(network.get("Ports")) if alive else {},
        # The text of a container that runs is of an attempt long ago.
        error=str(state.get("Error") or "") if state_now is WorkspaceStatus.CREATED else "",
        health=str((state.get("Health") or {}).get("Status") or "").replace("none", ""),
        user=str(config.get("User") or labels.get("nerdctl/user", "")),
    )


def status(state: Mapping[str, Any]) -> WorkspaceStatus:
    """The status for ``.State``; nerdctl gives none for a container that never ran."""
    word = str(state.get("Status") or "").lower()
    if not word:
        return WorkspaceStatus.CREATED
    return _STATUSES.get(word, WorkspaceStatus.UNKNOWN)


def label_map(labels: Any) -> dict[str, str]:
    """Labels as nerdctl writes them: an object, null, or one string joined by commas."""
    if isinstance(labels, Mapping):
        return {str(key): str(value) for key, value in labels.items()}
    if isinstance(labels, str) and labels:
        pairs = (pair.partition("=") for pair in labels.split(","))
        return {key: value for key, _, value in pairs}
    return {}


def with_empty(labels: dict[str, str]) -> dict[str, str]:
    """``labels`` with those of an empty value, which `without_empty` has set aside.

    >>> with_empty({"a": "1", "io.devopsmaestro.empty": '["b"]'})
    {'a': '1', 'b': ''}
    """
    text = labels.pop(EMPTY_LABEL, "")
    try:
        names = json.loads(text or "[]")
    except ValueError:
        names = []  # somebody else's
    return labels | {str(name): "" for name in names if isinstance(names, list)}


def without_empty(labels: Mapping[str, str]) -> dict[str, str]:
    """``labels`` as containerd keeps them.

    >>> without_empty({"a": "1", "b": ""})
    {'a': '1', 'io.devopsmaestro.empty': '["b"]'}
    """
    empty = sorted(name for name, value in labels.items() if not value)
    kept = {name: value for name, value in labels.items() if value}
    return kept | ({EMPTY_LABEL: json.dumps(empty)} if empty else {})


def ports(given: Any) -> dict[str, HostPort]:
    """``.NetworkSettings.Ports``: where this host reaches each port; one that is not published is left out."""
    found = {}
    for key, bindings in (given or {}).items():
        for binding in bindings or ():
            number = str(binding.get("HostPort") or "")
            if number.isdigit():
                host = str(binding.get("HostIp") or "")
                found[str(key)] = HostPort(_EVERY_ADDRESS.get(host, host), int(number))
                break
    return found


def image(data: Mapping[str, Any]) -> ImageInfo:
    """One object of ``nerdctl image inspect``, in its own form or, with ``--mode native``, in containerd's."""
    native: Mapping[str, Any] = data.get("ImageConfig") or {}
    config: Mapping[str, Any] = data.get("Config") or native.get("config") or {}
    name = str((data.get("Image") or {}).get("Name") or "") if native else ""
    tags = [name] if name and "@" not in name else data.get("RepoTags") or ()
    return ImageInfo(
        id=str((data.get("ImageConfigDesc") or {}).get("digest") or data.get("Id") or data.get("ID") or ""),
        tags=tuple(familiar(str(tag)) for tag in tags),
        size=int(data.get("Size") or data.get("size") or 0),
        created=seconds(data.get("Created") or native.get("created")) or 0.0,
        labels=label_map(config.get("Labels")),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        env=tuple(config.get("Env") or ()),
        user=str(config.get("User") or ""),
        working_dir=str(config.get("WorkingDir") or ""),
    )


def familiar(name: str) -> str:
    """An image's name as its user wrote it.

    >>> familiar("docker.io/library/debian:12"), familiar("docker.io/lab/app:1"), familiar("ghcr.io/a/b:1")
    ('debian:12', 'lab/app:1', 'ghcr.io/a/b:1')
    """
    return name.removeprefix("docker.io/").removeprefix("library/") if name.startswith("docker.io/") else name


def seconds(text: Any) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; None for none, or for Go's zero time.

    >>> seconds("1970-01-01T00:00:01.5Z")
    1.5
    """
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", str(text or ""))
    if match is None or match[1].startswith("0001-"):
        return None
    moment = datetime.datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    return moment.timestamp() + float(match[2] or 0)


def event(line: str) -> EngineEvent | None:
    """One line of ``nerdctl events --format '{{json .}}'``; None for what is about no container.

    containerd knows no names here. An update is given as `EventKind.RENAMED`
    with the name it has now, which may be the one it had before.
    """
    data = next(iter(objects(line)), None)
    if data is None:
        return None
    topic = str(data.get("Topic") or "")
    kind = _KINDS.get(topic)
    payload = _payload(data.get("Event"))
    identifier = str(payload.get("container_id") or payload.get("id") or data.get("ID") or "")
    if kind is None or not _CONTAINER_ID.fullmatch(identifier):
        return None
    if topic == "/tasks/exit" and payload.get("id") not in (None, "", identifier):
        return None  # a command that was run inside ended, not the container
    return EngineEvent(
        kind=kind,
        container=identifier,
        name=str((payload.get("labels") or {}).get(NAME_LABEL, "")),
        labels=label_map(payload.get("labels")),
        time=seconds(data.get("Timestamp")) or 0.0,
        exit_code=int(payload.get("exit_status") or 0) if kind is EventKind.STOPPED else None,
    )


def _payload(text: Any) -> Mapping[str, Any]:
    if isinstance(text, Mapping):
        return text
    try:
        value = json.loads(str(text or "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def label_updates(line: str) -> Iterator[str]:
    """The values of the namespace labels that an event tells of."""
    for data in objects(line):
        if str(data.get("Topic") or "") in ("/namespaces/update", "/namespaces/create"):
            yield from label_map(_payload(data.get("Event")).get("labels")).values()


OLDEST = (1, 7)
"""The oldest nerdctl that is known to work."""


def check_version(answer: str, profile: NerdctlProfile, operation: str) -> str:
    """The versions in the answer to ``nerdctl version --format '{{json .}}'``, for people.

    Raises:
        UnsupportedError: nerdctl is older than 1.7.
    """
    found = next(iter(objects(answer)), {})
    client = str((found.get("Client") or {}).get("Version") or "").removeprefix("v")
    numbers = re.match(r"(\d+)\.(\d+)", client)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        raise UnsupportedError(
            f"nerdctl {client} is too old for {profile.platform_name}",
            hint=profile.hints.upgrade,
            platform=profile.platform_name,
            operation=operation,
        )
    parts = {part.get("Name"): part.get("Version") for part in (found.get("Server") or {}).get("Components") or ()}
    return f"containerd {parts.get('containerd') or 'unknown'}, nerdctl {client or 'unknown'}"
