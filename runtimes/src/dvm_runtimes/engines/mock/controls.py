"""`MockControls`: what a test tells the mock engine, and what it does behind the runtime's back."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

from dvm_runtimes.builds.dockerfile import HealthCheck
from dvm_runtimes.engines.base import ContainerSpec, ExecSpec
from dvm_runtimes.errors import DvmError
from dvm_runtimes.infos import ExecResult, WorkspaceStatus
from dvm_runtimes.operation import Operation

from .faults import Call
from .images import DEFAULT_IMAGE, PATH, Image, base_root, new_image_id
from .nodes import MemoryFile
from .tree import Tree
from .world import World

_LIMIT = 30.0
"""Seconds for what a control waits for: the end of a container."""


class MockControls:
    """The test's side of one mock engine.

    >>> from dvm_runtimes import StartOptions, create_runtime
    >>> from dvm_runtimes.infos import ExecResult
    >>> with create_runtime("mock") as runtime:
    ...     runtime.mock.script_exec("^make test", ExecResult(2, b"", b"no rule to make target"))
    ...     workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
    ...     runtime.exec_in_workspace(workspace, ["make", "test"]).exit_code
    2
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._faults = world.faults

    # What it was asked

    @property
    def calls(self) -> list[Call]:
        """Every call so far: of the runtime's methods, and of the engine's steps beneath them."""
        with self._world.lock:
            return list(self._faults.calls)

    def calls_of(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    # What commands give

    def script_exec(
        self, pattern: str | Sequence[str], answer: ExecResult | Callable[[ExecSpec, bytes], ExecResult]
    ) -> None:
        """Answer a command instead of running it: one that a test executes, or one that a shell inside runs.

        Builtins of the shell and the main process of a container are never answered.

        Args:
            pattern: a regular expression, searched for in the argv joined by blanks; or the whole argv.
            answer: the result, or a callable that is given the spec and the standard input. The ``env`` of a command
                that a shell runs is its whole environment.
        """
        self._faults.script(pattern, answer)

    # Images

    def add_image(
        self,
        name: str,
        *,
        files: Mapping[str, bytes | str] | None = None,
        entrypoint: Sequence[str] = (),
        command: Sequence[str] = ("sh",),
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        user: str = "",
        working_dir: str = "",
        volumes: Sequence[str] = (),
        health: Sequence[str] = (),
        health_interval: float = 1.0,
    ) -> str:
        """Put an image with the mock's programs on the engine; its ID. A name that was there moves to the new image.

        Args:
            name: its name.
            files: path to content, besides the mock's own.
            entrypoint, command, env, labels, user, working_dir: its configuration.
            volumes: folders that get an anonymous volume.
            health: the command of its health check, as in ``("test", "-e", "/ready")``.
            health_interval: seconds between two checks.
        """
        image = Image(
            new_image_id(),
            base_root(),
            time.time(),
            labels=dict(labels or {}),
            entrypoint=tuple(entrypoint),
            command=tuple(command),
            env={"PATH": PATH, **(env or {})},
            user=user,
            working_dir=working_dir,
            volumes=tuple(volumes),
            health=HealthCheck(tuple(health), interval=health_interval) if health else None,
        )
        tree = Tree(image.root, self._world.lock)
        for path, content in (files or {}).items():
            folder, _, base = path.rpartition("/")
            data = content if isinstance(content, bytes) else content.encode()
            # A script that nobody may execute is of little use in an image.
            node = MemoryFile(data, 0o755 if data.startswith(b"#!") else 0o644)
            tree.make_folders(folder or "/").put(base, node)  # type: ignore[attr-defined]
        with self._world.lock:
            self._world.images.add(image, [name])
        return image.id

    def add_pullable(self, name: str, **configuration: object) -> str:
        """Let a registry have an image that the engine has to pull; takes what `add_image` takes."""
        store = self._world.images
        with self._world.lock:
            before = dict(store.names)
            made = self.add_image(name, **configuration)  # type: ignore[arg-type]
            from .images import reference

            store.pullable[reference(name)] = store.images.pop(made)
            store.names = before
        return made

    def tag(self, image: str, name: str) -> None:
        """Let ``name`` stand for ``image``, another name or an ID."""
        with self._world.lock:
            found = self._world.images.find(image)
            if found is None:
                raise self._world.no_image(image)
            self._world.images.add(found, [name])

    # Faults

    def make_unavailable(self) -> None:
        """Stop answering: every call raises `RuntimeUnavailableError`, open streams and sessions break."""
        with self._world.lock:
            self._faults.available = False
            self._world.break_connections()

    def make_available(self) -> None:
        """Answer again. Containers have run on meanwhile."""
        with self._world.lock:
            self._faults.available = True

    def slow(self, method: str, seconds: float) -> None:
        """Let each call of a method (the runtime's or the engine's) first wait; 0 ends that, for waiting ones too."""
        self._faults.slow(method, seconds)

    def fail_next(self, method: str, error: DvmError) -> None:
        """Let the next call of a method (the runtime's or the engine's) raise ``error``."""
        self._faults.fail_next(method, error)

    def die_after_start(self, exit_code: int = 1, logs: bytes | str = b"") -> None:
        """Let the next container that is started write ``logs`` and end with ``exit_code``."""
        self._faults.die_after_start(exit_code, logs if isinstance(logs, bytes) else logs.encode())

    def break_event_stream(self) -> None:
        """Break the event streams that are open; new ones work."""
        self._world.break_streams()

    # Somebody else at the same engine

    def kill(self, container: str) -> None:
        """End its main process with SIGKILL."""
        with self._operation("kill") as op:
            self._world.get(container).kill(op)

    def pause(self, container: str) -> None:
        """Freeze it."""
        self._world.get(container).pause()

    def unpause(self, container: str) -> None:
        """Let it run on."""
        self._world.get(container).resume()

    def remove(self, container: str) -> None:
        """Remove it by force, with its anonymous volumes; a missing one is no error."""
        found = self._world.find(container)
        if found is not None:
            with self._operation("remove") as op:
                self._world.remove(op, found, force=True, volumes=True)

    def exists(self, container: str) -> bool:
        """Whether there is a container of that ID or name."""
        return self._world.find(container) is not None

    def is_running(self, container: str) -> bool:
        """Whether its main process runs."""
        found = self._world.find(container)
        return found is not None and found.status is WorkspaceStatus.RUNNING

    def create_foreign(self, name: str, image: str = "") -> str:
        """A running container without any label of DVM's; its ID."""
        container = self._world.create(_spec(name, image=image or DEFAULT_IMAGE))
        container.start()
        return container.id

    def create_unstarted(self, name: str, labels: Mapping[str, str]) -> str:
        """A container that was made and never started; its ID."""
        return self._world.create(_spec(name, labels=labels)).id

    def create_restarting(self, name: str, labels: Mapping[str, str]) -> str:
        """A container that fails at once and that the engine starts again for ever; its ID."""
        container = self._world.create(_spec(name, labels=labels, entrypoint=("false",)), restart=True)
        container.start()
        return container.id

    def volumes_of(self, container: str) -> list[str]:
        """The names of the volumes that it has mounted, anonymous ones too."""
        return sorted(self._world.get(container).volumes.values())

    def volume_exists(self, name: str) -> bool:
        """Whether there is a volume of that name."""
        return name in self._world.volumes

    def remove_volume(self, name: str) -> None:
        """Remove a volume; a missing one is no error."""
        self._world.drop_volumes([name])

    def reset(self) -> None:
        """Forget every script, fault and call, and remove every container and volume; images stay."""
        self._faults.reset()
        self._world.clear()

    def _operation(self, name: str) -> Operation:
        return Operation(name, timeout=_LIMIT, platform=self._world.platform_name)


def _spec(name: str, **changes: object) -> ContainerSpec:
    spec = ContainerSpec(
        name=name,
        image=DEFAULT_IMAGE,
        entrypoint=("sleep", "infinity"),
        command=(),
        env={},
        labels={},
        working_dir="/",
        user="",
    )
    return dataclasses.replace(spec, **changes)  # type: ignore[arg-type]
