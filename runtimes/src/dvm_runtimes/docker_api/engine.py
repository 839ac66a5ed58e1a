"""`DockerEngine`: the engine interface over the Docker API.

The only file, with those it imports here, that loads the Docker SDK.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

import requests
import urllib3.exceptions
from docker.errors import APIError, DockerException

from dvm_runtimes.engine import Container, ContainerSpec, Engine, ExecSession, ExecSpec, Progress
from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    ImageNotFoundError,
    InvalidOptionError,
    RuntimeUnavailableError,
    WorkspaceNotFoundError,
)
from dvm_runtimes.infos import Capabilities, ImageInfo
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from . import leaving, logs, networks, parsing, pulling
from .capable import capabilities_of
from .client import Client, Scope, Stream, as_number, version_of
from .creating import create_body, log_driver_for
from .endpoint import Endpoint
from .events import DockerEvents
from .execs import Execs
from .problems import Problems, status_of, stream_error, words_of
from .profile import DockerProfile
from .unreachable import unavailable
from .wire import Wire

M = TypeVar("M", bound=Callable[..., Any])

# What the API's paths can carry; a name with a slash or dots would lead to another path.
_REFERENCE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")

BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, EOFError, DockerException)
"""What the SDK and the layers below it raise when a connection breaks, or cannot be made."""


def _step(method: M) -> M:
    """A step whose requests end with its operation, and whose errors are typed."""

    @functools.wraps(method)
    def step(self: DockerEngine, op: Operation, *args: Any, **kwargs: Any) -> Any:
        with self.calling(op) as scope, self.typed(op, scope, _subject(args)):
            return method(self, op, *args, **kwargs)

    return cast("M", step)


def _subject(args: tuple[Any, ...]) -> str:
    first = args[0] if args else ""
    return first if isinstance(first, str) else str(getattr(first, "name", ""))


class DockerEngine(Engine):
    """One engine that speaks the Docker API.

    Args:
        endpoint: where it listens.
        profile: which product it is.
    """

    runtime_type = "docker"

    def __init__(self, endpoint: Endpoint, profile: DockerProfile) -> None:
        self.platform_type = profile.platform_type
        self.platform_name = profile.platform_name
        self.endpoint = str(endpoint)
        self.address = endpoint
        self.profile = profile
        self.problems = Problems(profile)
        self.view = parsing.PortView(_foreign_host(endpoint, profile))
        self._closed = False
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._negotiated = ""
        self._builder = ""
        self._info: dict[str, Any] | None = None
        self._client = Client(endpoint)
        self._execs = Execs(self)

    # The connection

    @property
    def client(self) -> Client:
        """The SDK's client of this process."""
        if self._pid != os.getpid():
            # After a fork: two processes must not speak over the same connections.
            with self._lock:
                if self._pid != os.getpid():
                    self._client = Client(self.address)
                    self._client.api_version = self._negotiated or self._client.api_version
                    self._pid = os.getpid()
        return self._client

    def calling(self, op: Operation) -> AbstractContextManager[Scope]:
        """Requests within the block belong to ``op``."""
        if self._closed:
            raise self._was_closed(op)
        return self.client.scope(op)

    def typed(self, op: Operation, scope: Scope | None = None, subject: str = "") -> Typed:
        """Failures within the block become typed errors."""
        return Typed(self, op, scope, subject)

    def negotiate(self, op: Operation) -> None:
        """Agree on the API's version, once."""
        if not self._negotiated:
            with self.calling(op) as scope, self.typed(op, scope):
                answer = self.client.ping()
                # Empty, or not there, where the engine has no BuildKit of its own.
                self._builder = answer.headers.get("Builder-Version", "")
                self.client.api_version = self._negotiated = version_of(answer)

    def api_at_least(self, version: str) -> bool:
        """Whether that version of the API is spoken."""
        return as_number(self.client.api_version) >= as_number(version)

    def offers_buildkit(self, op: Operation) -> bool:
        """Whether the engine has BuildKit within."""
        self.negotiate(op)
        return bool(self._builder) and self.api_at_least("1.39")

    def broken(self, error: BaseException, operation: str, wire: Wire | Stream | None = None) -> DvmError:
        """The typed error for a connection that broke."""
        if self._closed:
            return self._was_closed(None, operation)
        why = wire.explain() if wire is not None else None
        return unavailable(why or root_of(error), self.address, self.profile, operation=operation)

    def _was_closed(self, op: Operation | None, operation: str = "") -> RuntimeUnavailableError:
        return RuntimeUnavailableError(
            "this runtime was closed",
            hint="Create another one.",
            platform=self.platform_name,
            operation=op.name if op is not None else operation,
        )

    def info(self, op: Operation) -> Mapping[str, Any]:
        """What the engine says of itself, asked once."""
        if self._info is None:
            self.negotiate(op)
            with self.calling(op) as scope, self.typed(op, scope):
                self._info = self.client.info()
        return self._info

    @property
    def capabilities(self) -> Capabilities:
        with Operation("capabilities", timeout=30.0, platform=self.platform_name) as op:
            return capabilities_of(self.info(op), self.profile)

    def version(self, op: Operation) -> str:
        self.negotiate(op)
        with self.calling(op) as scope, self.typed(op, scope):
            return str(self.client.version().get("Version", ""))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._client.cut()
            self._client.close()

    def removal(self) -> Mapping[str, Any]:
        return leaving.removal(self.address)

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

    @_step
    def list_containers(self, op: Operation, labels: Mapping[str, str]) -> list[Container]:
        wanted = [f"{key}={value}" if value else key for key, value in labels.items()]
        found = self.client.containers(all=True, filters={"label": wanted} if wanted else None)
        return [parsing.listed(one, self.view) for one in found]

    @_step
    def inspect_container(self, op: Operation, reference: str) -> Container | None:
        if not _REFERENCE.fullmatch(reference):
            return None
        try:
            return parsing.inspected(self.client.inspect_container(reference), self.view)
        except APIError as error:
            # A prefix of several IDs: 400 from moby, 500 from Podman.
            if status_of(error) == 404 or re.search("multiple|more than one", words_of(error), re.IGNORECASE):
                return None
            raise

    @_step
    def create_container(self, op: Operation, spec: ContainerSpec) -> str:
        params = {"name": spec.name} | ({"platform": spec.platform} if spec.platform else {})
        body = create_body(spec, log_driver=log_driver_for(str(self.info(op).get("LoggingDriver") or "")))
        answer = self.client.call("POST", "/containers/create", params=params, json=body)
        return str(answer.json()["Id"])

    @_step
    def start_container(self, op: Operation, container: str) -> None:
        self.client.start(container)

    @_step
    def stop_container(self, op: Operation, container: str, grace: float) -> None:
        # The API takes whole seconds; less than one is still a chance to end.
        self.client.stop(container, timeout=-(-int(grace * 1000) // 1000))

    @_step
    def resume_container(self, op: Operation, container: str) -> None:
        try:
            self.client.unpause(container)
        except APIError as error:
            if "not paused" not in words_of(error):
                raise

    @_step
    def remove_container(self, op: Operation, container: str, *, force: bool, volumes: bool) -> None:
        try:
            self.client.remove_container(container, v=volumes, force=force)
        except APIError as error:
            if status_of(error) == 409 and "already in progress" in words_of(error):
                self._await_removal(op, container)
            elif status_of(error) != 404:
                raise

    def _await_removal(self, op: Operation, container: str) -> None:
        """Somebody else removes it just now: it is gone once they are done."""
        try:
            self.client.wait(container, condition="removed")
        except APIError as error:
            if status_of(error) != 404:
                raise

    @_step
    def rename_container(self, op: Operation, container: str, name: str) -> None:
        try:
            self.client.rename(container, name)
        except APIError as error:
            # The error names the name that was wanted.
            raise self.problems.refusal(error, op.name, name if status_of(error) == 409 else container) from error

    @_step
    def wait_container(self, op: Operation, container: str) -> int:
        answer = self.client.wait(container)
        return int(answer.get("StatusCode", 0))

    @_step
    def exec_start(self, op: Operation, container: str, spec: ExecSpec) -> ExecSession:
        return self._execs.start(op, container, spec)

    @_step
    def open_logs(self, op: Operation, container: str, query: Mapping[str, Any]) -> logs.OpenLog:
        """The log as a stream, and how its content is to be read."""
        stream = self.stream("GET", f"/containers/{container}/logs", params={"stdout": 1, "stderr": 1, **query})
        kind = stream.headers.get("Content-Type", "")
        if kind.endswith("multiplexed-stream"):
            return logs.OpenLog(stream, framed=True)
        # Before API 1.42 the header says nothing, or "raw" of both.
        if kind.endswith("raw-stream") and self.api_at_least("1.42"):
            return logs.OpenLog(stream, framed=False)
        try:
            found = self.client.inspect_container(container)
        except BaseException:
            stream.close()
            raise
        driver = found["HostConfig"].get("LogConfig", {}).get("Type")
        return logs.OpenLog(stream, framed=not found["Config"].get("Tty"), mended=driver == "local")

    def logs(
        self, op: Operation, container: str, *, tail: int | None, since: float | None, follow: bool
    ) -> Iterator[tuple[int, bytes]]:
        return logs.read(self, op, container, logs.Wanted(tail, since), follow=follow)

    @_step
    def events(self, op: Operation) -> DockerEvents:
        # The engine answers before it listens. So it is asked for what happened since a moment
        # of its own clock that lies before the question.
        since = time.time() if self.profile.place == "here" else self._clock()
        params = {"filters": json.dumps({"type": ["container"]}), "since": f"{since:.9f}"}
        stream = self.stream("GET", "/events", params=params)
        return DockerEvents(stream, since, lambda error, broken: self.broken(error, op.name, broken))

    def _clock(self) -> float:
        return parsing.seconds(self.client.info().get("SystemTime")) or time.time()

    @_step
    def put_archive(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        try:
            self.client.put_archive(container, path, tar)
        except APIError as error:
            raise self._path_problem(error, op, container, path) from error

    @_step
    def _open_archive(self, op: Operation, container: str, path: str) -> Stream:
        try:
            return self.stream("GET", f"/containers/{container}/archive", params={"path": path})
        except APIError as error:
            raise self._path_problem(error, op, container, path) from error

    def get_archive(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        yield from self.pieces(op, self._open_archive(op, container, path))

    @_step
    def path_kind(self, op: Operation, container: str, path: str) -> str | None:
        for name, kind in ((path.rstrip("/") + "/.", "folder"), (path, "file")):
            try:
                self.client.call("HEAD", f"/containers/{container}/archive", params={"path": name})
            except APIError as error:
                if status_of(error) == 404 and "container" in words_of(error).lower():
                    self._require_container(op, container)
                continue
            return kind
        return None

    @_step
    def changed_paths(self, op: Operation, container: str) -> frozenset[str]:
        # The API answers null for "nothing".
        return frozenset(str(one["Path"]) for one in self.client.diff(container) or ())

    # Networks

    @_step
    def create_network(self, op: Operation, name: str, labels: Mapping[str, str]) -> None:
        networks.create(self, op, name, labels)

    @_step
    def remove_network(self, op: Operation, name: str) -> None:
        networks.remove(self, name)

    def _require_container(self, op: Operation, container: str) -> None:
        self.client.inspect_container(container)

    def _path_problem(self, error: APIError, op: Operation, container: str, path: str) -> DvmError:
        made = self.problems.refusal(error, op.name, path)
        if isinstance(made, WorkspaceNotFoundError):
            return self.problems.refusal(error, op.name, container)
        return made

    # Images

    @_step
    def inspect_image(self, op: Operation, name: str) -> ImageInfo | None:
        try:
            return parsing.image(self.client.call("GET", f"/images/{quote(name, safe='/:@')}/json").json())
        except APIError as error:
            if status_of(error) == 404:
                return None
            raise

    @_step
    def list_images(self, op: Operation) -> list[ImageInfo]:
        found = (parsing.image(one) for one in self.client.images())
        return [image for image in found if image.tags]

    @_step
    def pull_image(self, op: Operation, name: str, platform: str, progress: Progress) -> None:
        repository, tag = pulling.reference(name)
        params = {"fromImage": repository, "tag": tag} | ({"platform": platform} if platform else {})
        headers = {}
        if known := pulling.credentials(name, op):
            headers["X-Registry-Auth"] = base64.urlsafe_b64encode(json.dumps(known).encode()).decode()
        shown = pulling.PullProgress(progress, name)
        try:
            stream = self.stream("POST", "/images/create", params=params, headers=headers)
            for message in pulling.messages(self.pieces(op, stream)):
                if said := stream_error(message):
                    raise self._not_pulled(op, name, said)
                shown.take(message)
        except APIError as error:
            raise self._not_pulled(op, name, words_of(error)) from error

    def _not_pulled(self, op: Operation, name: str, words: str) -> DvmError:
        if isinstance(full := self.problems.explain(0, words, op.name, name), EngineError) and "disk" in full.message:
            return full
        return ImageNotFoundError(
            f"the image {name!r} could not be pulled: {' '.join(words.split())[:300]}",
            hint=self.profile.hints.login,
            platform=self.platform_name,
            operation=op.name,
            detail=words,
        )

    @_step
    def remove_image(self, op: Operation, name: str, *, force: bool) -> None:
        try:
            self.client.remove_image(name, force=force)
        except APIError as error:
            if status_of(error) == 409:
                raise EngineError(
                    f"the image {name!r} is used by a container",
                    hint="Remove the container first, or the image's name by force.",
                    platform=self.platform_name,
                    operation=op.name,
                    detail=words_of(error),
                ) from error
            raise

    def build_image(self, op: Operation, options: BuildOptions, labels: Mapping[str, str], progress: Progress) -> str:
        from .building import build

        return build(self, op, options, labels, progress)

    # Streams

    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        data: Iterable[bytes] | None = None,
    ) -> Stream:
        """Open a request whose answer is read as it comes; within a step.

        Raises:
            APIError: the engine refused.
        """
        response = self.client.call(method, path, params=params, headers=headers, data=data, stream=True)
        return Stream(response, self.client.wire_now())

    def pieces(self, op: Operation, stream: Stream) -> Iterator[bytes]:
        """The body of an answer as it comes, until it ends or ``op`` does; closes it."""
        try:
            with op.aborting(stream.cut):
                yield from stream.pieces()
        except BROKEN as error:
            if op.aborted:
                raise op.abort_error(error) from error
            raise self.broken(error, op.name, stream) from error
        finally:
            stream.close()


class Typed:
    """Within its block, what the SDK raises becomes a typed error.

    Args:
        engine: makes the errors.
        op: the call.
        scope: the call's connection.
        subject: what the step is about.
    """

    def __init__(self, engine: DockerEngine, op: Operation, scope: Scope | None, subject: str) -> None:
        self._engine = engine
        self._op = op
        self._scope = scope
        self._subject = subject

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: object) -> None:
        if isinstance(error, DvmError):
            error.operation = error.operation or self._op.name
        elif isinstance(error, APIError):
            raise self._engine.problems.refusal(error, self._op.name, self._subject) from error
        elif isinstance(error, BROKEN):
            if self._op.aborted:
                raise self._op.abort_error(error) from error
            wire = self._scope.wire if self._scope is not None else None
            raise self._engine.broken(error, self._op.name, wire) from error


def root_of(error: BaseException) -> BaseException:
    """The system's own error beneath what the libraries made of it."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    found = error
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if (isinstance(one, OSError) and not isinstance(one, requests.RequestException)) or isinstance(one, EOFError):
            return one
        inner = [argument for argument in one.args if isinstance(argument, BaseException)]
        reason = getattr(one, "reason", None)
        linked = [link for link in (reason, one.__cause__, one.__context__) if isinstance(link, BaseException)]
        waiting.extend([*reversed(linked), *reversed(inner)])
    return found


def _foreign_host(endpoint: Endpoint, profile: DockerProfile) -> str:
    if profile.local or endpoint.host in ("", "localhost", "127.0.0.1", "::1"):
        return ""
    return endpoint.host
