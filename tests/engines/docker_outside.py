"""Somebody else at an engine that speaks the Docker API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dvm_runtimes.testing.subject import Outside

from . import base_image
from .http_over_socket import ApiError, ask, read_until

_ATTEMPTS = 20
"""How often a removal is tried that the engine refuses."""


class DockerOutside(Outside):
    """A person with a plain client: the engine's own socket, and nothing of DVM in between."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def kill(self, container: str) -> None:
        ask(self._socket, "POST", f"/containers/{container}/kill", signal="KILL")
        ask(self._socket, "POST", f"/containers/{container}/wait", condition="not-running")

    def pause(self, container: str) -> None:
        ask(self._socket, "POST", f"/containers/{container}/pause")

    def unpause(self, container: str) -> None:
        ask(self._socket, "POST", f"/containers/{container}/unpause")

    def remove(self, container: str) -> None:
        refused: ApiError | None = None
        for _ in range(_ATTEMPTS):
            try:
                self._unless_missing("DELETE", f"/containers/{container}", force="true", v="true")
            except ApiError as error:
                # Somebody else starts or removes it at this moment. Docker says 409; Podman 5.4 says 500.
                if error.status not in (409, 500):
                    raise
                refused = error
            else:
                return
        assert refused is not None
        raise refused

    def exists(self, container: str) -> bool:
        return self._unless_missing("GET", f"/containers/{container}/json") is not None

    def is_running(self, container: str) -> bool:
        found = self._unless_missing("GET", f"/containers/{container}/json")
        return found is not None and bool(found["State"]["Running"])

    def create_foreign(self, name: str, image: str = "") -> str:
        container = self._create(name, {}, ["sleep", "infinity"], image)
        ask(self._socket, "POST", f"/containers/{container}/start")
        return container

    def retag(self, source: str, name: str) -> None:
        repository, _, tag = name.rpartition(":")
        ask(self._socket, "POST", f"/images/{quote(source)}/tag", repo=repository, tag=tag)

    def create_unstarted(self, name: str, labels: Mapping[str, str]) -> str:
        return self._create(name, labels, ["sleep", "infinity"])

    def create_restarting(self, name: str, labels: Mapping[str, str]) -> str | None:
        container = self._create(name, labels, ["false"], RestartPolicy={"Name": "always"})
        ask(self._socket, "POST", f"/containers/{container}/start")
        return container

    def volumes_of(self, container: str) -> list[str]:
        mounts = ask(self._socket, "GET", f"/containers/{container}/json")["Mounts"]
        return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]

    def volume_exists(self, name: str) -> bool:
        return self._unless_missing("GET", f"/volumes/{quote(name)}") is not None

    def remove_volume(self, name: str) -> None:
        self._unless_missing("DELETE", f"/volumes/{quote(name)}", force="true")

    def everything(self) -> set[str]:
        """Every container, network, image and volume of it."""
        containers = [one["Id"] for one in ask(self._socket, "GET", "/containers/json", all="true")]
        networks = [one["Name"] for one in ask(self._socket, "GET", "/networks")]
        images = [
            name for one in ask(self._socket, "GET", "/images/json") for name in [one["Id"], *(one["RepoTags"] or [])]
        ]
        volumes = [one["Name"] for one in ask(self._socket, "GET", "/volumes")["Volumes"] or []]
        return {*containers, *networks, *images, *volumes}

    def create_serving(self, name: str, folder: Path) -> str:
        """A running container that serves a folder of the engine's host as HTTP, at a port that `port_of` tells."""
        serve = ["sh", "-c", "httpd -p 80 -h /folder && echo serving && exec sleep infinity"]
        ports = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
        container = self._create(name, {}, serve, Binds=[f"{folder}:/folder"], PortBindings=ports)
        ask(self._socket, "POST", f"/containers/{container}/start")
        read_until(self._socket, f"/containers/{container}/logs?follow=1&stdout=1", b"serving")
        return container

    def port_of(self, container: str) -> int:
        """The port of this host at which the container's port 80 is reached."""
        found = ask(self._socket, "GET", f"/containers/{container}/json")
        return int(found["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"])

    def _create(self, name: str, labels: Mapping[str, str], command: list[str], image: str = "", **host: Any) -> str:
        wanted = {
            "Image": image or base_image.IMAGE,
            "Entrypoint": command[:1],
            "Cmd": command[1:],
            "Labels": dict(labels),
            "ExposedPorts": {port: {} for port in host.get("PortBindings", {})},
            "HostConfig": {"Init": True, **host},
        }
        made: str = ask(self._socket, "POST", "/containers/create", wanted, name=name)["Id"]
        return made

    def _unless_missing(self, method: str, path: str, **query: str) -> Any:
        try:
            return ask(self._socket, method, path, **query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise


class PodmanOutside(DockerOutside):
    """The same at Podman, which has no state for a container that it is about to start again."""

    def create_restarting(self, name: str, labels: Mapping[str, str]) -> None:
        return None
