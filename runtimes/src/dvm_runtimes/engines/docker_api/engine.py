"""`DockerEngine`: the engine interface over the Docker API."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dvm_runtimes.engines.base import Container, ContainerSpec, Engine, ExecSession, ExecSpec, Progress
from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.engines.http.client import Response
from dvm_runtimes.engines.http.endpoint import Endpoint
from dvm_runtimes.errors import DvmError, InvalidOptionError, NameConflictError, WorkspaceNotFoundError
from dvm_runtimes.infos import Capabilities
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from . import logs, parsing, remove_orphan
from .api import step
from .client import server_and_version
from .create_body import create_body, log_driver_for
from .events import DockerEvents
from .exec_archive import ExecArchive, is_hidden
from .execs import Execs
from .images import DockerImages
from .port_view import PortView, own_container
from .profile import DockerProfile

# References that the API's paths can hold; a slash or dots would lead to another path.
_REFERENCE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")

_INSPECT = "/containers/{}/json"
_WAIT = "/containers/{}/wait"
_ARCHIVE = "/containers/{}/archive"

_LIST_TRIES = 100
"""How often the list is requested until it shows a stop: one more request was seen, on a busy machine."""


class DockerEngine(DockerImages, Engine):
    """One engine that speaks the Docker API.

    Args:
        endpoint: where it listens.
        profile: which product it is.
    """

    runtime_type = "docker"
    exec_refuses = True

    def __init__(self, endpoint: Endpoint, profile: DockerProfile) -> None:
        DockerImages.__init__(self, endpoint, profile)
        self.platform_type = profile.platform_type
        self.platform_name = profile.platform_name
        self.endpoint = str(endpoint)
        self._endpoint = endpoint
        self._view: PortView | None = None
        self._execs: Execs = Execs(self)
        self._exec_archive = ExecArchive(self.exec_start, self.errors)
        self._capabilities: Capabilities | None = None

    @property
    def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            with Operation("capabilities", timeout=30.0, platform=self.platform_name) as op:
                self._capabilities = parsing.capabilities_of(self.info(op), self.profile)
        if self.errors.init_is_missing:
            reasons = {**self._capabilities.reasons, "init": f"it has no init program. {self.profile.hints.init}"}
            return dataclasses.replace(self._capabilities, init=False, reasons=reasons)
        return self._capabilities

    def _port_view(self) -> PortView:
        """Where this process is, which is asked once. A container that the engine does not know runs its own engine."""
        if self._view is None:
            self._view = PortView(host="" if self.profile.local else self._remote_host())
            own = own_container() if self._endpoint.scheme == "unix" else ""
            with contextlib.suppress(ApiError):
                self._view = PortView.of_container(self.client.get(_INSPECT, own)) if own else self._view
        return self._view

    def _remote_host(self) -> str:
        host = self._endpoint.host
        return "" if host in ("", "localhost", "::1") or host.startswith("127.") else host

    @step
    def version(self, op: Operation) -> str:
        # For /version, moby runs the programs that it is made of, which takes it longer than starting a command.
        _, version = server_and_version(self.client.ping().headers.get("Server", ""))
        return version or str(self.client.get("/version").get("Version", ""))

    def removal(self) -> Mapping[str, Any]:
        return remove_orphan.removal(self.address)

    def default_user(self) -> tuple[int, int] | None:
        if self.profile.user is not None:
            return self.profile.user
        if self.profile.place == "here":
            return super().default_user()
        return (1000, 1000)

    def ssh_agent_socket(self) -> str:
        if self.profile.ssh_agent_socket:
            return self.profile.ssh_agent_socket
        return super().ssh_agent_socket() if self.profile.place == "here" else ""

    def keep_id(self) -> bool:
        return self.profile.keep_id

    def host_path(self, path: Path, field: str) -> str:
        if self.profile.host_path is not None:
            return self.profile.host_path(path, field)
        if self.profile.local:
            return super().host_path(path, field)
        raise InvalidOptionError(
            field, str(path), f"the host of {self.platform_name} is another machine", hint=self.profile.hints.bind
        )

    # Containers

    @step
    def list_containers(self, op: Operation, labels: Mapping[str, str]) -> list[Container]:
        selectors = [f"{key}={value}" if value else key for key, value in labels.items()]
        filters = {"label": selectors} if selectors else None
        containers = self.client.get("/containers/json", all=True, filters=filters)
        view = self._port_view()
        return [parsing.listed(one, view) for one in containers]

    @step
    def inspect_container(self, op: Operation, reference: str) -> Container | None:
        if not _REFERENCE.fullmatch(reference):
            return None
        try:
            return parsing.inspected(self.client.get(_INSPECT, reference), self._port_view())
        except ApiError as error:
            # A prefix of several IDs: 400 from moby, 500 from Podman.
            if error.status == 404 or re.search("multiple|more than one", error.message, re.IGNORECASE):
                return None
            raise

    @step
    def create_container(self, op: Operation, spec: ContainerSpec) -> str:
        params = {"name": spec.name} | ({"platform": spec.platform} if spec.platform else {})
        answer = self.client.call("POST", "/containers/create", params=params, json=self.creation(op, spec))
        return str(answer.json()["Id"])

    def creation(self, op: Operation, spec: ContainerSpec) -> dict[str, Any]:
        """The body of the request that makes this container."""
        return create_body(spec, log_driver=log_driver_for(str(self.info(op).get("LoggingDriver") or "")))

    @step
    def start_container(self, op: Operation, container: str) -> None:
        self.client.call("POST", "/containers/{}/start", container)

    @step
    def stop_container(self, op: Operation, container: str, grace: float) -> None:
        # The API takes whole seconds; less than one is still a chance to end.
        self.client.call("POST", "/containers/{}/stop", container, params={"t": -(-int(grace * 1000) // 1000)})
        self._await_listing(op, container)

    def _await_listing(self, op: Operation, container: str) -> None:
        """Wait until the list has it as stopped too: moby's list is a copy, which it renews a moment later (26.1)."""
        for _ in range(_LIST_TRIES):
            op.check()
            if not self.client.get("/containers/json", filters={"id": [container], "status": ["running"]}):
                return

    @step
    def resume_container(self, op: Operation, container: str) -> None:
        try:
            self.client.call("POST", "/containers/{}/unpause", container)
        except ApiError as error:
            if "not paused" not in error.message:
                raise

    @step
    def remove_container(self, op: Operation, container: str, *, force: bool, volumes: bool) -> None:
        try:
            self.client.call("DELETE", "/containers/{}", container, params={"v": volumes, "force": force})
        except ApiError as error:
            if error.status == 409 and "already in progress" in error.message:
                self._await_removal(op, container)
            elif error.status != 404:
                raise

    def _await_removal(self, op: Operation, container: str) -> None:
        """Somebody else removes it just now: it is gone once they are done."""
        try:
            self.client.call("POST", _WAIT, container, params={"condition": "removed"})
        except ApiError as error:
            if error.status != 404:
                raise

    @step
    def rename_container(self, op: Operation, container: str, name: str) -> None:
        try:
            self.client.call("POST", "/containers/{}/rename", container, params={"name": name})
        except ApiError as error:
            # The error names the new name.
            raise self.errors.from_response(error, op.name, name if error.status == 409 else container) from error

    @step
    def wait_container(self, op: Operation, container: str) -> int:
        answer = self.client.call("POST", _WAIT, container).json()
        return int(answer.get("StatusCode", 0))

    @step
    def exec_start(self, op: Operation, container: str, spec: ExecSpec) -> ExecSession:
        return self._execs.start(op, container, spec)

    def logs(
        self, op: Operation, container: str, *, tail: int | None, since: float | None, follow: bool
    ) -> Iterator[tuple[int, bytes]]:
        return logs.read(self, op, container, logs.LogRange(tail, since), follow=follow)

    @step
    def events(self, op: Operation) -> DockerEvents:
        # The engine answers before it subscribes. So the request names a moment of the engine's
        # own clock that lies before it.
        since = time.time() if self.profile.place == "here" else self._clock()
        params = {"filters": {"type": ["container"]}, "since": f"{since:.9f}"}
        stream = self.stream("GET", "/events", params=params)
        return DockerEvents(stream, since, lambda error, broken: self.broken(error, op.name, broken))

    def _clock(self) -> float:
        return parsing.seconds(self.client.get("/info").get("SystemTime")) or time.time()

    @step
    def put_archive(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        if self._is_hidden(container, path):
            self._exec_archive.put(op, container, path, tar)
            return
        try:
            self.client.call("PUT", _ARCHIVE, container, params={"path": path}, data=tar)
        except ApiError as error:
            raise self._path_problem(error, op, container, path) from error

    @step
    def _open_archive(self, op: Operation, container: str, path: str) -> Response | None:
        """The archive as a stream; None where the engine does not see the path."""
        if self._is_hidden(container, path):
            return None
        try:
            return self.stream("GET", _ARCHIVE, container, params={"path": path})
        except ApiError as error:
            raise self._path_problem(error, op, container, path) from error

    def get_archive(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        stream = self._open_archive(op, container, path)
        yield from self._exec_archive.get(op, container, path) if stream is None else self.pieces(op, stream)

    @step
    def path_kind(self, op: Operation, container: str, path: str) -> str | None:
        if self._is_hidden(container, path):
            return self._exec_archive.kind(op, container, path)
        for name, kind in ((path.rstrip("/") + "/.", "folder"), (path, "file")):
            try:
                self.client.call("HEAD", _ARCHIVE, container, params={"path": name})
            except ApiError:
                continue  # not that; the container itself is there
            return kind
        return None

    @step
    def changed_paths(self, op: Operation, container: str) -> frozenset[str]:
        # The API answers null for "nothing".
        return frozenset(str(one["Path"]) for one in self.client.get("/containers/{}/changes", container) or ())

    # Networks

    @step
    def create_network(self, op: Operation, name: str, labels: Mapping[str, str]) -> None:
        try:
            # Without the check, moby makes several networks of one name.
            body = {"Name": name, "Driver": "bridge", "Labels": dict(labels), "CheckDuplicate": True}
            self.client.call("POST", "/networks/create", json=body)
        except ApiError as error:
            if error.status != 409 and "already exists" not in error.message:
                raise
            problem = f"there is a network {name!r} already"
            raise self.errors.make(
                NameConflictError, problem, op.name, "Choose another name.", error.message
            ) from error

    @step
    def remove_network(self, op: Operation, name: str) -> None:
        self._delete("/networks/{}", name)

    @step
    def remove_volume(self, op: Operation, name: str) -> None:
        self._delete("/volumes/{}", name)

    def _delete(self, path: str, name: str) -> None:
        try:
            self.client.call("DELETE", path, name)
        except ApiError as error:
            if error.status != 404:
                raise

    def _is_hidden(self, container: str, path: str) -> bool:
        return is_hidden(self.client.get(_INSPECT, container), path)

    def _path_problem(self, error: ApiError, op: Operation, container: str, path: str) -> DvmError:
        mapped = self.errors.from_response(error, op.name, path)
        if isinstance(mapped, WorkspaceNotFoundError):
            return self.errors.from_response(error, op.name, container)
        return mapped

    # Images: see `DockerImages`

    def build_image(self, op: Operation, options: BuildOptions, labels: Mapping[str, str], progress: Progress) -> str:
        from dvm_runtimes.builds.context import Sources

        from . import buildkit, builds

        sources = Sources.of(options)
        if self.offers_buildkit(op) and (tool := buildkit.find_tool()) is not None:
            return buildkit.build_with(tool, self, op, options, sources, labels, progress)
        return builds.build_classic(self, op, options, sources, labels, progress)
