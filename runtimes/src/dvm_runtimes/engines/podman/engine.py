"""`PodmanEngine`: what Podman's Docker-compatible API does otherwise. Seen with 4.3 and 5.4."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dvm_runtimes.engines.base import Container, ContainerSpec, ExecSpec
from dvm_runtimes.engines.docker_api import logs
from dvm_runtimes.engines.docker_api.api import step
from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.engines.docker_api.profile import DockerProfile
from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.engines.http.endpoint import Endpoint
from dvm_runtimes.errors import EngineError, ExecError, NameConflictError, PathNotFoundError
from dvm_runtimes.infos import Capabilities, ImageInfo, WorkspaceStatus
from dvm_runtimes.operation import Operation

from . import creation, feeding, following
from .commands import PodmanExecs

_SYSTEMD = Path("/run/systemd/system")
_HOLDS_PORTS = (WorkspaceStatus.RUNNING, WorkspaceStatus.PAUSED)
_GONE = re.compile("(?:does not exist|found) in database")
_NAME_LOST = re.compile("UNIQUE constraint failed: ContainerConfig.Name|already in use, cannot rename")
"""Two took the same name at once, and the other was first. Podman's message differs between versions."""
_NO_IDS = re.compile("keep-id requires additional UIDs or GIDs")
_LOOKS_AT_IDS = 4
"""Rootless, and of many creations at once, Podman 4.3 lets one or the other find no subordinate ids at all."""
_FOLLOWS_WELL = 5
"""The major version that does not lose lines of a followed log: seen with 5.4, and not with 4.3."""
_STAT = "X-Docker-Container-Path-Stat"


class PodmanEngine(DockerEngine):
    """One Podman service.

    Args:
        endpoint: where it listens.
        profile: whether it is rootless, a machine or remote.
    """

    def __init__(self, endpoint: Endpoint, profile: DockerProfile) -> None:
        super().__init__(endpoint, profile)
        self._execs = PodmanExecs(self, lambda container: self._kind(container, feeding.SHELL) == "file")

    @property
    def capabilities(self) -> Capabilities:
        base = super().capabilities
        # Unlike Docker, it has the network of its host, rootless or not.
        reasons = {name: why for name, why in base.reasons.items() if name != "host_network"}
        base = replace(base, host_network=True, reasons=reasons)
        # `info` was asked for by then, and is kept.
        info = self._info or {}
        if info.get("Rootless") and str(info.get("CgroupVersion")) == "1":
            why = "rootless Podman has no control groups on a host with their version 1"
            base = replace(
                base,
                pause=False,
                resource_limits=False,
                reasons={**base.reasons, "pause": why, "resource_limits": why},
            )
        if self.profile.place == "here" and not _SYSTEMD.is_dir():
            why = "Podman runs them by systemd's timers, and no systemd runs here"
            base = replace(base, health_checks=False, reasons={**base.reasons, "health_checks": why})
        return base

    def list_containers(self, op: Operation, labels: Mapping[str, str]) -> list[Container]:
        return [_now(container) for container in super().list_containers(op, labels)]

    def inspect_container(self, op: Operation, reference: str) -> Container | None:
        try:
            found = super().inspect_container(op, reference)
        except EngineError as error:
            # It was removed while Podman put its answer together.
            if _GONE.search(error.detail):
                return None
            raise
        return found and _now(found)

    def rename_container(self, op: Operation, container: str, name: str) -> None:
        try:
            super().rename_container(op, container, name)
        except EngineError as error:
            if _NAME_LOST.search(f"{error} {error.detail}"):
                raise self.errors.make(
                    NameConflictError,
                    f"the container name {name!r} is already in use",
                    op.name,
                    "Choose another name, or remove that container.",
                    error.detail,
                ) from error
            raise

    def create_container(self, op: Operation, spec: ContainerSpec) -> str:
        for _ in range(_LOOKS_AT_IDS):
            try:
                return super().create_container(op, spec)
            except EngineError as error:
                if not _NO_IDS.search(error.message):
                    raise
                failed = error
        failed.hint = (
            "Give the engine's user ranges in /etc/subuid and /etc/subgid (`usermod --add-subuids`), "
            "then run `podman system migrate`."
        )
        raise failed

    def creation(self, op: Operation, spec: ContainerSpec) -> dict[str, Any]:
        return creation.adapted(super().creation(op, spec), spec)

    # Files

    @step
    def path_kind(self, op: Operation, container: str, path: str) -> str | None:
        if self._is_hidden(container, path):
            return self._exec_archive.kind(op, container, path)
        return self._kind(container, path)

    def _kind(self, container: str, path: str) -> str | None:
        # Podman answers for "file/." too; but it tells what it is, and follows links.
        params = {"path": f"{path.rstrip('/')}/."}
        try:
            answer = self.client.call("HEAD", "/containers/{}/archive", container, params=params)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        stat = json.loads(base64.b64decode(answer.headers[_STAT]))
        return "folder" if stat.get("isDir") else "file"

    def put_archive(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        # Podman would make what is missing.
        if self.path_kind(op, container, path) != "folder":
            raise self.errors.make(
                PathNotFoundError,
                f"there is no folder {path!r} in the container",
                op.name,
                "Make it first.",
                "",
            )
        super().put_archive(op, container, path, tar)

    def get_archive(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        # Podman makes everything root's on the way out. The container's own tar keeps owners, if it has one.
        if self._has_tar(op, container):
            yield from self._exec_archive.get(op, container, path)
        else:
            yield from super().get_archive(op, container, path)

    @step
    def _has_tar(self, op: Operation, container: str) -> bool:
        if self.client.get("/containers/{}/json", container)["State"].get("Status") != "running":
            return False
        try:
            session = self.exec_start(op, container, ExecSpec(command=("tar", "--help"), user="0:0"))
        except ExecError:
            return False
        try:
            while session.read() is not None:
                pass
            session.wait()
        except ExecError:
            return False
        finally:
            session.close()
        return True

    def logs(
        self, op: Operation, container: str, *, tail: int | None, since: float | None, follow: bool
    ) -> Iterator[tuple[int, bytes]]:
        if follow and self._loses_lines(op):
            return following.read(self, op, container, logs.LogRange(tail, since))
        return super().logs(op, container, tail=tail, since=since, follow=follow)

    def _loses_lines(self, op: Operation) -> bool:
        major = str(self.info(op).get("ServerVersion", "")).partition(".")[0]
        return major.isdigit() and int(major) < _FOLLOWS_WELL

    # Images

    def inspect_image(self, op: Operation, name: str) -> ImageInfo | None:
        found = super().inspect_image(op, name)
        return found and _named(found)

    def list_images(self, op: Operation) -> list[ImageInfo]:
        return [_named(image) for image in super().list_images(op)]


def _now(container: Container) -> Container:
    # Podman goes on showing the ports of a container that has ended.
    return container if container.status in _HOLDS_PORTS else container._replace(ports={})


def _named(image: ImageInfo) -> ImageInfo:
    return replace(image, tags=tuple(familiar(tag) for tag in image.tags))


def familiar(tag: str) -> str:
    """An image's name as its user knows it, and as Podman finds it again.

    >>> familiar("localhost/shop:dev"), familiar("docker.io/library/debian:12"), familiar("quay.io/a/b:1")
    ('shop:dev', 'debian:12', 'quay.io/a/b:1')
    """
    for prefix in ("localhost/", "docker.io/library/", "docker.io/"):
        if tag.startswith(prefix):
            return tag.removeprefix(prefix)
    return tag
