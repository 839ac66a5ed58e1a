"""`MockEngine`: an engine in this process's memory."""

from __future__ import annotations

import functools
import inspect
import tarfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

from dvm_runtimes.engines.base import Container, ContainerSpec, Engine, ExecSession, ExecSpec, Progress
from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    ImageNotFoundError,
    NameConflictError,
    PathNotFoundError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import Capabilities, ImageInfo, ProgressEvent, WorkspaceStatus
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from . import archives
from .containers import MockContainer
from .events import MockEventStream
from .faults import Call, unavailable
from .images import reference
from .sessions import MockSession
from .waits import wait_for
from .world import World

M = TypeVar("M", bound=Callable[..., Any])


def _step(method: M) -> M:
    """A step of the engine that is recorded and struck by faults, and whose errors name their operation."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def step(self: MockEngine, op: Operation, *args: Any, **kwargs: Any) -> Any:
        given = signature.bind(self, op, *args, **kwargs).arguments
        arguments = {name: value for name, value in given.items() if name not in ("self", "op")}
        self.world.faults.record(Call(method.__name__, arguments))
        try:
            self.check_open(op)
            self.world.faults.strike(method.__name__, op)
            return method(self, op, *args, **kwargs)
        except DvmError as error:
            error.operation = error.operation or op.name
            raise

    return cast("M", step)


class MockEngine(Engine):
    """An engine without any engine: containers are threads, files and ports of this process.

    It does what Docker does, state for state, and runs the mock's own small
    shell and programs. Nothing of this host is touched but bind mounts,
    published ports and what is copied in or out.

    Args:
        world: the state, for engines that share one; default a new one, which ends with this engine.
    """

    runtime_type = "mock"
    platform_type = "mock"

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.platform_name = self.world.platform_name
        self.endpoint = f"mock://{self.world.name}"
        self._own = world is None
        self._closed = False
        self._sessions: weakref.WeakSet[MockSession] = weakref.WeakSet()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities()

    def check_open(self, op: Operation) -> None:
        """Refuse to work for a runtime that was closed."""
        if self._closed:
            raise self._closed_error(op.name)

    def _closed_error(self, operation: str) -> DvmError:
        error = unavailable(operation, self.platform_name)
        error.message, error.hint = "this runtime was closed", "Create another one."
        return error

    @_step
    def version(self, op: Operation) -> str:
        return "mock"

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with self.world.lock:
            for session in list(self._sessions):
                session.break_off(self._closed_error("exec_in_workspace"))
            self.world.wake_waiters()
        if self._own:
            self.world.break_connections()
            self.world.clear()

    # Containers

    @_step
    def list_containers(self, op: Operation, labels: Mapping[str, str]) -> list[Container]:
        return [container.describe() for container in self.world.matching(labels)]

    @_step
    def inspect_container(self, op: Operation, reference: str) -> Container | None:
        found = self.world.find(reference)
        return None if found is None else found.describe()

    @_step
    def create_container(self, op: Operation, spec: ContainerSpec) -> str:
        return self.world.create(spec).id

    @_step
    def start_container(self, op: Operation, container: str) -> None:
        self.world.get(container).start()

    @_step
    def stop_container(self, op: Operation, container: str, grace: float) -> None:
        self.world.get(container).stop(op, grace)

    @_step
    def resume_container(self, op: Operation, container: str) -> None:
        self.world.get(container).resume()

    @_step
    def remove_container(self, op: Operation, container: str, *, force: bool, volumes: bool) -> None:
        found = self.world.find(container)
        if found is not None:
            self.world.remove(op, found, force=force, volumes=volumes)

    @_step
    def rename_container(self, op: Operation, container: str, name: str) -> None:
        self.world.rename(self.world.get(container), name)

    @_step
    def wait_container(self, op: Operation, container: str) -> int:
        found, world = self.world.get(container), self.world
        wait_for(op, world.changed, lambda: found.run is None or not world.faults.available or self._closed)
        if not world.faults.available or self._closed:
            raise unavailable(op.name, self.platform_name)
        return found.exit_code or 0

    @_step
    def exec_start(self, op: Operation, container: str, spec: ExecSpec) -> ExecSession:
        found = self.world.get(container)
        with self.world.lock:
            run = found.run
            if run is None or found.status is not WorkspaceStatus.RUNNING:
                raise self.world.problem(
                    WorkspaceNotRunningError,
                    f"container {found.name!r} is {found.status}",
                    hint=f"`dvm start {found.name}` starts it again.",
                    detail=f"container {found.id} is not running",
                )
            session = MockSession(found, run, spec, self.world.faults.answer(spec))
            self.world.remember_session(session)
            self._sessions.add(session)
            return session

    @_step
    def logs(
        self, op: Operation, container: str, *, tail: int | None, since: float | None, follow: bool
    ) -> Iterator[tuple[int, bytes]]:
        world = self.world
        journal = world.get(container).journal
        return journal.read(
            op, tail=tail, since=since, follow=follow, connected=lambda: world.faults.available and not self._closed
        )

    @_step
    def events(self, op: Operation) -> MockEventStream:
        return self.world.listen()

    @_step
    def put_archive(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        found = self.world.get(container)
        try:
            archives.read_archive(found.files(), path, _checked(op, tar))
        except OSError as error:
            raise self._no_path(found, path, error) from None
        except tarfile.TarError as error:
            raise self.world.problem(
                EngineError,
                f"what was sent is not a tar archive: {error}",
                hint="Send a tar stream.",
                detail=str(error),
            ) from None

    @_step
    def get_archive(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        found = self.world.get(container)
        try:
            pieces = archives.write_archive(found.files(), path)
        except OSError as error:
            raise self._no_path(found, path, error) from None
        return _checked(op, archives.finished(pieces))

    def _no_path(self, container: MockContainer, path: str, error: OSError) -> DvmError:
        if isinstance(error, FileNotFoundError):
            return self.world.problem(
                PathNotFoundError,
                f"there is nothing at {path!r} in container {container.name!r}",
                hint="Look for it with `dvm exec`.",
                detail=f"Could not find the file {path} in container {container.name}",
            )
        return self.world.problem(
            EngineError,
            f"{path!r} in container {container.name!r} cannot be used: {error.strerror}",
            hint="Look at it with `dvm exec`.",
            detail=str(error),
        )

    # Networks

    @_step
    def create_network(self, op: Operation, name: str, labels: Mapping[str, str]) -> None:
        with self.world.lock:
            if name in self.world.networks:
                raise self.world.problem(
                    NameConflictError,
                    f"there is a network {name!r} already",
                    hint="Choose another name, or remove that network.",
                    detail=f"network with name {name} already exists",
                )
            self.world.networks.add(name)

    @_step
    def remove_network(self, op: Operation, name: str) -> None:
        with self.world.lock:
            user = next((one for one in self.world.containers.values() if one.spec.network_mode == name), None)
            if user is not None and user.run is not None:
                raise self.world.problem(
                    EngineError,
                    f"the network {name!r} is used by container {user.name!r}",
                    hint="Stop or remove that container first.",
                    detail=f"network {name} has active endpoints",
                )
            self.world.networks.discard(name)

    def remove_volume(self, op: Operation, name: str) -> None:
        with self.world.lock:
            user = next((one for one in self.world.containers.values() if name in one.volumes.values()), None)
            if user is not None:
                raise self.world.problem(
                    EngineError,
                    f"the volume {name!r} is used by container {user.name!r}",
                    hint="Remove that container first.",
                    detail=f"volume is in use - [{user.id}]",
                )
            self.world.drop_volumes([name])

    # Images

    @_step
    def inspect_image(self, op: Operation, name: str) -> ImageInfo | None:
        with self.world.lock:
            found = self.world.images.find(name)
            return None if found is None else found.info(self.world.images.tags(found))

    @_step
    def list_images(self, op: Operation) -> list[ImageInfo]:
        store = self.world.images
        with self.world.lock:
            return [image.info(tags) for image in store.images.values() if (tags := store.tags(image))]

    @_step
    def pull_image(self, op: Operation, name: str, platform: str, progress: Progress) -> None:
        store = self.world.images
        with self.world.lock:
            image = store.pullable.get(reference(name))
        if image is None:
            raise self.world.problem(
                ImageNotFoundError,
                f"no registry has the image {name!r}",
                hint="Make it known with add_pullable() on the runtime's `mock`.",
                detail=f"pull access denied for {name}, repository does not exist",
            )
        layer = image.id.removeprefix("sha256:")[:12]
        for done in (0, 50, 100):
            op.check()
            progress(ProgressEvent(step=f"Pulling layer {layer}", current=done, total=100))
        with self.world.lock:
            store.add(image, [name])

    @_step
    def remove_image(self, op: Operation, name: str, *, force: bool) -> None:
        self.world.remove_image(name, force=force)

    @_step
    def build_image(self, op: Operation, options: BuildOptions, labels: Mapping[str, str], progress: Progress) -> str:
        from .building import build

        return build(self.world, op, options, labels, progress)


def _checked(op: Operation, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        op.check()
        yield piece
