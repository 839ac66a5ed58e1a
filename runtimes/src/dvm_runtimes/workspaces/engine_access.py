"""`EngineAccess`: what a runtime has besides its workspaces: its engine's identity, images and networks."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from dvm_runtimes.engines.base import Engine, Progress
from dvm_runtimes.errors import UnsupportedError
from dvm_runtimes.infos import Capabilities, ImageInfo, ProgressEvent
from dvm_runtimes.operation import LONG, QUICK, Operation
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.validation.naming import MANAGED, check_container_name, check_image, check_network_mode

from . import images

if TYPE_CHECKING:
    from .watching import WorkspaceWatch

Seconds = float | None
Cancel = threading.Event | None


class EngineAccess:
    """The part of `dvm_runtimes.ContainerRuntime` that needs no workspace.

    Args:
        engine: the engine; closed with this runtime.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watches: weakref.WeakSet[WorkspaceWatch] = weakref.WeakSet()

    # About the runtime itself

    @property
    def engine(self) -> Engine:
        """The engine beneath, for those who know which one it is."""
        return self._engine

    @property
    def runtime_type(self) -> str:
        """The code that drives the engine, as in ``"docker"``."""
        return self._engine.runtime_type

    @property
    def platform_type(self) -> str:
        """The public runtime name, as in ``"orbstack"``."""
        return self._engine.platform_type

    @property
    def platform_name(self) -> str:
        """What people call the platform, as in ``"Colima (profile: default)"``."""
        return self._engine.platform_name

    @property
    def endpoint(self) -> str:
        """Where the engine listens, as in ``"unix:///var/run/docker.sock"``."""
        return self._engine.endpoint

    @property
    def selector(self) -> str:
        """This engine's exact name for `create_runtime` in any process, as in ``"docker:unix:///run/docker.sock"``."""
        return f"{self.platform_type}:{self.endpoint}"

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        return self._engine.capabilities

    @property
    def in_this_process(self) -> bool:
        """Whether the engine lives in this process's memory, where no other process reaches it."""
        return self._engine.in_this_process

    def version(self, *, timeout: Seconds = QUICK, cancel: Cancel = None) -> str:
        """The engine's version, asked anew: proof that it answers."""
        with self._operation("version", timeout, cancel) as op:
            return self._engine.version(op)

    def close(self) -> None:
        """Release connections and threads. Workspaces stay as they are."""
        # A watch would take the closed engine for one that may come back.
        for watch in list(self._watches):
            watch.close()
        self._engine.close()

    def removal(self) -> Mapping[str, Any]:
        """How a program without this library removes what a dead process left here; see `Engine.removal`."""
        return self._engine.removal()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _operation(self, name: str, timeout: Seconds, cancel: Cancel) -> Operation:
        return Operation(name, timeout=timeout, cancel=cancel, platform=self.platform_name)

    def _require(self, capability: str, operation: str) -> None:
        if reason := self._engine.capabilities.why_not(capability):
            raise UnsupportedError(
                f"{operation} is not possible on {self.platform_name}: {reason}",
                hint="Choose another runtime; `dvm platforms` lists them.",
                platform=self.platform_name,
                operation=operation,
            )

    # Images

    def build_image(
        self,
        options: BuildOptions,
        progress: Progress | None = None,
        *,
        timeout: Seconds = LONG,
        cancel: Cancel = None,
    ) -> ImageInfo:
        """Build an image; ``progress`` gets one event a step.

        Raises:
            BuildError: a step failed; ``logs`` has its last lines.
            InvalidOptionError: there is no such context or Dockerfile.
        """
        self._require("build", "build_image")
        images.check_build(options)
        with self._operation("build_image", timeout, cancel) as op:
            return images.build(self._engine, op, options, progress or ignore_progress)

    def image_exists(self, name: str, *, timeout: Seconds = QUICK, cancel: Cancel = None) -> bool:
        """Whether the image is on the engine."""
        check_image(name, "name")
        with self._operation("image_exists", timeout, cancel) as op:
            return self._engine.inspect_image(op, name) is not None

    def pull_image(
        self,
        name: str,
        progress: Progress | None = None,
        *,
        platform: str = "",
        timeout: Seconds = LONG,
        cancel: Cancel = None,
    ) -> ImageInfo:
        """Fetch an image from its registry with the user's own credentials.

        Raises:
            ImageNotFoundError: no registry that answered has it.
        """
        check_image(name, "name")
        self._require("pull", "pull_image")
        with self._operation("pull_image", timeout, cancel) as op:
            return images.pull(self._engine, op, name, platform, progress or ignore_progress)

    def remove_image(self, name: str, *, force: bool = False, timeout: Seconds = QUICK, cancel: Cancel = None) -> None:
        """Remove an image's name, and the image when it was its last.

        Raises:
            ImageNotFoundError: there is none.
        """
        check_image(name, "name")
        with self._operation("remove_image", timeout, cancel) as op:
            self._engine.remove_image(op, name, force=force)

    def list_images(self, *, timeout: Seconds = QUICK, cancel: Cancel = None) -> list[ImageInfo]:
        """Every tagged image on the engine."""
        with self._operation("list_images", timeout, cancel) as op:
            return self._engine.list_images(op)

    # Networks on which workspaces find each other by name

    def create_network(self, name: str, *, timeout: Seconds = QUICK, cancel: Cancel = None) -> None:
        """Make a network for ``StartOptions(network_mode=name)``: workspaces on it reach each other by container name.

        Raises:
            NameConflictError: there is one of that name.
            UnsupportedError: this engine has none.
        """
        check_network_mode(name, "name")
        with self._operation("create_network", timeout, cancel) as op:
            self._engine.create_network(op, name, {MANAGED: "true"})

    def remove_network(self, name: str, *, timeout: Seconds = QUICK, cancel: Cancel = None) -> None:
        """Remove a network that nothing is on any more. A missing one is no error.

        Raises:
            UnsupportedError: this engine has none.
        """
        check_network_mode(name, "name")
        with self._operation("remove_network", timeout, cancel) as op:
            self._engine.remove_network(op, name)

    # Volumes

    def remove_volume(self, name: str, *, timeout: Seconds = QUICK, cancel: Cancel = None) -> None:
        """Remove a named volume and the files in it. A missing one is no error.

        Raises:
            EngineError: a container uses it.
            UnsupportedError: this engine has no volumes.
        """
        check_container_name(name, "name")
        with self._operation("remove_volume", timeout, cancel) as op:
            self._engine.remove_volume(op, name)


def ignore_progress(event: ProgressEvent) -> None:
    """Nobody listens."""
