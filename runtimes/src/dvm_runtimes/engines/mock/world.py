"""The state of one mock engine: containers, images, volumes, and who listens to its events."""

from __future__ import annotations

import posixpath
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any, TypeVar

from dvm_runtimes.engines.base import ContainerSpec, EngineEvent
from dvm_runtimes.errors import DvmError, EngineError, ImageNotFoundError, NameConflictError, WorkspaceNotFoundError
from dvm_runtimes.infos import EventKind
from dvm_runtimes.operation import Operation

from .containers import MockContainer
from .events import MockEventStream
from .faults import NAME, Faults, unavailable
from .images import Image, ImageStore, reference
from .nodes import FolderNode, MemoryFolder
from .sessions import MockSession

_ENDS = 10.0

ErrorType = TypeVar("ErrorType", bound=DvmError)


class World:
    """Everything that a mock engine has, shared by all that are connected to it.

    Args:
        name: of an engine that several runtimes share; part of the platform's name.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.platform_name = f"{NAME} ({name})" if name else NAME
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        """A container changed its state."""
        self.containers: dict[str, MockContainer] = {}
        self.images = ImageStore()
        self.volumes: dict[str, MemoryFolder] = {}
        self.anonymous: set[str] = set()
        self.networks: set[str] = set()
        self.faults = Faults(self.lock)
        self.built: dict[str, Image] = {}
        """What a step of a build was made of, to the image that came of it: the build cache."""
        self._streams: list[MockEventStream] = []
        self._sessions: set[MockSession] = set()

    def problem(self, kind: type[ErrorType], message: str, **facts: Any) -> ErrorType:
        """An error with what is known here."""
        return kind(message, platform=self.platform_name, **facts)

    # Containers

    def find(self, reference: str) -> MockContainer | None:
        """The container of that ID, name or unique ID prefix, in this order, as Docker looks it up."""
        with self.lock:
            found = self.containers.get(reference)
            if found is None:
                found = next((one for one in self.containers.values() if one.name == reference), None)
            if found is None and reference:
                matching = [one for key, one in self.containers.items() if key.startswith(reference)]
                found = matching[0] if len(matching) == 1 else None
            return found

    def get(self, reference: str) -> MockContainer:
        """The container of that ID, name or unique ID prefix.

        Raises:
            WorkspaceNotFoundError: there is none.
        """
        found = self.find(reference)
        if found is None:
            raise self.problem(
                WorkspaceNotFoundError,
                f"no container {reference!r}",
                hint="`dvm ls` lists the workspaces.",
                detail=f"No such container: {reference}",
            )
        return found

    def create(self, spec: ContainerSpec, *, restart: bool = False) -> MockContainer:
        """Make a container.

        Raises:
            NameConflictError, ImageNotFoundError, EngineError
        """
        with self.lock:
            self.check_name(spec.name)
            image = self.images.find(spec.image)
            if image is None:
                raise self.no_image(spec.image)
            mounted, anonymous = self._volumes_for(spec, image)
            try:
                container = MockContainer(self, spec, image, mounted, restart=restart)
            except BaseException:
                self.drop_volumes(anonymous)
                raise
            for destination, name in mounted.items():
                self._fill(container, destination, self.volumes[name])
            self.containers[container.id] = container
            self.publish(EventKind.CREATED, container)
            return container

    def check_name(self, name: str) -> None:
        """Refuse a name that is taken."""
        taken = next((one for one in self.containers.values() if one.name == name), None)
        if taken is not None:
            raise self.problem(
                NameConflictError,
                f"the container name {name!r} is already in use",
                hint="Choose another name, or remove that container.",
                detail=f'The container name "/{name}" is already in use by container "{taken.id}".',
            )

    def rename(self, container: MockContainer, name: str) -> None:
        """Give a container another name.

        Raises:
            NameConflictError: it is taken.
        """
        with self.lock:
            if name != container.name:
                self.check_name(name)
                container.name = name
                self.publish(EventKind.RENAMED, container)

    # Images

    def remove_image(self, name: str, *, force: bool) -> None:
        """Remove a name, and the image when it was its last.

        Raises:
            ImageNotFoundError: there is none.
            EngineError: a container needs it and ``force`` was not given.
        """
        with self.lock:
            image = self.images.find(name)
            if image is None:
                raise self.no_image(name)
            full = reference(name)
            named = self.images.names.get(full) == image.id
            if named and len(self.images.tags(image)) > 1:
                self.images.untag(full)
                return
            user = next((one for one in self.containers.values() if one.image is image), None)
            # Even by force, an image that runs keeps its files: only its name goes.
            if user is not None and not (force and named) and (not force or user.run is not None):
                raise self.problem(
                    EngineError,
                    f"the image {name!r} is used by container {user.name!r}",
                    hint="Remove the container first, or the image's name with `force`.",
                    detail=f"conflict: unable to remove {name}: container {user.id[:12]} is using it",
                )
            if user is None:
                self.images.forget(image)
            else:
                for tag in self.images.tags(image):
                    self.images.untag(reference(tag))

    def no_image(self, name: str) -> ImageNotFoundError:
        """The error for an image that is not here."""
        return self.problem(
            ImageNotFoundError,
            f"there is no image {name!r}",
            hint="Make it known with add_image() on the runtime's `mock`, or build it.",
            detail=f"No such image: {name}",
        )

    # Volumes

    def _volumes_for(self, spec: ContainerSpec, image: Image) -> tuple[dict[str, str], list[str]]:
        mounted = {
            posixpath.normpath(mount.destination): mount.source for mount in spec.mounts if mount.type == "volume"
        }
        others = {posixpath.normpath(mount.destination) for mount in spec.mounts}
        anonymous = []
        for destination in image.volumes:
            # What the image declares and nobody gave a mount for gets a volume without a name.
            if destination not in others:
                name = secrets.token_hex(32)
                anonymous.append(name)
                mounted[destination] = name
        for name in mounted.values():
            if name not in self.volumes:
                self.volumes[name] = MemoryFolder()
        self.anonymous.update(anonymous)
        return mounted, anonymous

    def _fill(self, container: MockContainer, destination: str, volume: MemoryFolder) -> None:
        # An empty volume gets what the image has at its place, as in Docker.
        if volume.names():
            return
        node: FolderNode = container.root
        for part in destination.strip("/").split("/"):
            found = node.get(part)
            if not isinstance(found, MemoryFolder):
                return
            node = found
        assert isinstance(node, MemoryFolder)
        status = node.status()
        volume.set_mode(status.mode)
        volume.set_owner(status.uid, status.gid)
        copied = node.copy()
        for name in copied.names():
            child = copied.get(name)
            if child is not None:
                volume.put(name, child)

    def drop_volumes(self, names: list[str]) -> None:
        """Forget volumes."""
        with self.lock:
            for name in names:
                self.volumes.pop(name, None)
                self.anonymous.discard(name)

    def remove(self, op: Operation, container: MockContainer, *, force: bool, volumes: bool) -> None:
        """Remove a container, and its anonymous volumes if asked."""
        container.remove(op, force=force)
        if volumes:
            self.drop_volumes([name for name in container.volumes.values() if name in self.anonymous])

    # Events and sessions

    def publish(self, kind: EventKind, container: MockContainer, exit_code: int | None = None) -> None:
        """Tell everybody who listens."""
        with self.lock:
            event = EngineEvent(kind, container.id, container.name, container.describe().labels, time.time(), exit_code)
            self._streams = [stream for stream in self._streams if not stream.over]
            for stream in self._streams:
                stream.publish(event)

    def listen(self) -> MockEventStream:
        """A new event stream."""
        with self.lock:
            stream = MockEventStream(self.lock)
            self._streams.append(stream)
            return stream

    def remember_session(self, session: MockSession) -> None:
        """A session that a lost connection has to break."""
        with self.lock:
            self._sessions.add(session)

    def forget_session(self, session: MockSession) -> None:
        """The session was closed."""
        with self.lock:
            self._sessions.discard(session)

    def break_streams(self) -> None:
        """Break every event stream that is open."""
        with self.lock:
            for stream in self._streams:
                stream.break_off(unavailable("watch_workspaces", self.platform_name))

    def break_connections(self) -> None:
        """Break all that is connected: event streams, sessions, and who waits or follows a log."""
        with self.lock:
            self.break_streams()
            for session in list(self._sessions):
                session.break_off(unavailable("exec_in_workspace", self.platform_name))
            self.wake_waiters()

    def wake_waiters(self) -> None:
        """Let everybody who follows a log or waits for a container look whether they still may; the lock is held."""
        for container in self.containers.values():
            container.journal.condition.notify_all()
        self.changed.notify_all()

    def clear(self) -> None:
        """Remove every container and every volume."""
        with self.lock:
            containers = list(self.containers.values())
        with Operation("clear", timeout=_ENDS, platform=self.platform_name) as op:
            for container in containers:
                container.remove(op, force=True)
        with self.lock:
            self.volumes.clear()
            self.anonymous.clear()

    def matching(self, labels: Mapping[str, str]) -> list[MockContainer]:
        """The containers that have all these labels; an empty value stands for any."""
        with self.lock:
            return [
                container
                for container in self.containers.values()
                if all(
                    name in known and (not value or known[name] == value)
                    for known in [container.describe().labels]
                    for name, value in labels.items()
                )
            ]
