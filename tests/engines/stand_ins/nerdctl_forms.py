"""Docker's answers in nerdctl's forms and words. Pure; the standard library alone."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

EXEC_WITH_VALUE = ("--user", "-u", "--workdir", "-w", "--env", "-e", "--env-file")
IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")

# Docker's words, and nerdctl's for the same. \1 is the name.
_WORDS = (
    (
        r'Conflict\. The container name "/?([^"]+)" is already in use by container "?(\w+)',
        r'name-store error\nname "\1" is already used by ID "\2"',
    ),
    (r"No such container: (\S+)", r"1 errors:\nno such container: \1"),
    (r"Container \S+ is not paused", r"1 errors:\ncontainer is not paused"),
    (
        r"cannot remove a (running|paused) container",
        r"1 errors:\ncontainer @ID@ is in \1 status. unpause/stop container first or force removal",
    ),
    (
        r"conflict: unable to remove repository reference \S+ \(must force\) - container (\w+) is using",
        r"1 errors:\nconflict: unable to delete @NAME@ (must be forced) - image is being used by stopped container \1",
    ),
    (r"[Nn]o such image: (\S+)", r"1 errors:\nno such image: \1"),
    # The newer client's words, and those of Debian 12's.
    (r"Could not find the file .* in container|No such container:path: ", r"unable to copy: source does not exist"),
    (r"(no such (?:file or )?directory)", r"unable to copy: destination parent must exist: \1"),
    (r"bind: address already in use|port is already allocated", r"bind for host failed: port is already allocated"),
    (r"network with name (\S+) already exists", r"network with name \1 already exists"),
    (r"unknown flag: (\S+)", r"unknown flag: \1"),
)


def translate(words: str, command: Sequence[str], found: str = "") -> str:
    """nerdctl's message for what Docker's client wrote.

    Args:
        found: the full ID of the container that it is about.
    """
    text = words.strip().splitlines()[0] if words.strip() else "unknown"
    text = re.sub(r"^(docker: )?Error response from daemon: ", "", text.removeprefix("Error: "))
    if "OCI runtime create failed" in text:
        return (
            "failed to create shim task: " + text.partition("failed to create shim task: ")[2]
            if "shim" in text
            else text
        )
    name = command[-1] if command else ""
    for pattern, meant in _WORDS:
        if command[:1] != ("cp",) and meant.startswith("unable to copy"):
            continue
        if match := re.search(pattern, text):
            told = match.expand(meant).replace("@ID@", found).replace("@NAME@", name)
            if command[:1] in (("create",), ("run",)) and "no such image" in told:
                return f'image not available: "{match[1].rstrip(".")}"'
            return told
    return text.rstrip(".")


def arguments(words: Sequence[str], with_value: Sequence[str]) -> Iterator[str]:
    """The words that are no flags and no values of flags."""
    position = 0
    while position < len(words):
        if words[position] in with_value:
            position += 1
        elif not words[position].startswith("-"):
            yield words[position]
        position += 1


def for_docker(words: Sequence[str]) -> list[str]:
    """The words of a new container: without the init that Docker chooses itself, and with mounts as it reads them."""
    found: list[str] = []
    for before, word in pairwise(("", *words)):
        if "--init-binary" not in (before, word):
            found.append(mount(word) if before == "--mount" else word)
    return found


def mount(value: str) -> str:
    """The value of ``--mount``, which nerdctl splits at every comma, and Docker reads as a line of CSV."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(value.split(","))
    return written.getvalue()


def container(data: dict[str, Any]) -> dict[str, Any]:
    """``docker container inspect`` as nerdctl's."""
    state, status = data["State"], data["State"]["Status"]
    labels = dict(data["Config"].get("Labels") or {})
    name = data["Name"].lstrip("/")
    labels |= {"nerdctl/name": name, "nerdctl/namespace": "devopsmaestro"}
    created = status == "created"
    return {
        "Id": data["Id"],
        "Created": data["Created"],
        "State": {
            # nerdctl has no word for a container that never ran.
            "Status": "" if created else status,
            "Running": status == "running",
            "Paused": status == "paused",
            "Restarting": status == "restarting",
            "Pid": state["Pid"],
            "ExitCode": 0 if created else state["ExitCode"],
            "Error": state["Error"],
            "StartedAt": "" if state["StartedAt"].startswith("0001") else state["StartedAt"],
            "FinishedAt": "" if state["FinishedAt"].startswith("0001") else state["FinishedAt"],
        },
        "Image": canonical(data["Config"]["Image"]),
        "Name": name,
        "Mounts": data["Mounts"],
        "Config": {"Labels": labels, "User": data["Config"]["User"]},
        "NetworkSettings": {"Ports": data["NetworkSettings"]["Ports"]},
    }


def listed(data: dict[str, Any]) -> dict[str, Any]:
    """One container of ``ps``: labels joined by commas, and nerdctl's own words for states."""
    found = container(data)
    words = {"": "Created", "running": "Up", "paused": "Paused"}
    status = found["State"]["Status"]
    return {
        "ID": found["Id"],
        "Names": found["Name"],
        "Image": found["Image"],
        "Status": words.get(status, f"Exited ({found['State']['ExitCode']}) Less than a second ago"),
        "Labels": ",".join(f"{key}={value}" for key, value in found["Config"]["Labels"].items()),
    }


def fill(template: str, data: dict[str, Any]) -> str:
    """The few templates that are asked for: ``{{json .State}}`` and ``{{.ID}}``."""
    match = re.fullmatch(r"\{\{(json )?\.(\w+(?:\.\w+)*)\}\}", template)
    value: Any = data
    for part in match[2].split(".") if match else ():
        value = value.get(part, value.get(part.title())) if isinstance(value, dict) else None
    return json.dumps(value) if match and match[1] else str(value)


def image(data: dict[str, Any], name: str) -> dict[str, Any]:
    """``docker image inspect`` as nerdctl's with ``--mode native``."""
    names = data.get("RepoTags") or [name]
    asked = canonical(name)
    return {
        "Image": {"Name": asked if asked in map(canonical, names) else canonical(names[0])},
        "ImageConfigDesc": {"digest": data["Id"]},
        "ImageConfig": {"created": data.get("Created"), "config": data["Config"]},
        "size": data["Size"],
    }


def canonical(name: str) -> str:
    """``debian:12`` as ``docker.io/library/debian:12``."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


_TOPICS = {
    "create": "/containers/create",
    "start": "/tasks/start",
    "die": "/tasks/exit",
    "pause": "/tasks/paused",
    "unpause": "/tasks/resumed",
    "rename": "/containers/update",
    "destroy": "/containers/delete",
    "exec_die": "/tasks/exit",
}


def event(data: dict[str, Any], watch: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Docker's event as containerd's: its topic and its payload."""
    actor = data.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    if data.get("Type") == "volume" and data.get("Action") == "create" and actor.get("ID", "").startswith(watch):
        yield "/namespaces/update", {"labels": {"watch": actor["ID"].removeprefix(watch)}}
    topic = _TOPICS.get(str(data.get("Action")))
    if data.get("Type") != "container" or topic is None:
        return
    payload: dict[str, Any] = {"id": actor["ID"]}
    if topic.startswith("/tasks/"):
        payload["container_id"] = actor["ID"]
    if topic == "/tasks/exit":
        payload["exit_status"] = int(attributes.get("exitCode") or 0)
        if data["Action"] == "exec_die":
            payload["id"] = attributes.get("execID", "exec")
    if topic == "/containers/update":
        payload["labels"] = {"nerdctl/name": attributes.get("name", "")}
    yield topic, payload


_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")
_PART = 16384


def with_one_time(line: bytes) -> bytes:
    """A line of ``docker logs``, which repeats its time, if it has one, before each 16 KiB of a long line."""
    first = _TIME.match(line)
    if first is None:
        return line
    at = first.end() + _PART
    while again := _TIME.search(line, at):
        line = line[: again.start()] + line[again.end() :]
        at = again.start() + _PART
    return line


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 with nanoseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"
