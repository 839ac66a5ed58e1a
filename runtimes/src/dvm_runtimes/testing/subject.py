"""What the conformance suite is run against: one runtime, and the world around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.runtime import ContainerRuntime


class Outside(ABC):
    """Somebody else at the same engine, who does not go through DVM.

    It does what a person with the engine's own command does behind the
    runtime's back, and sees what the runtime must not hide. Every ID is a full
    one, as `ContainerRuntime.start_workspace` returns it.
    """

    @abstractmethod
    def kill(self, container: str) -> None:
        """End its main process with SIGKILL and leave the container there."""

    @abstractmethod
    def pause(self, container: str) -> None:
        """Freeze it; only called where ``capabilities.pause`` is true."""

    @abstractmethod
    def unpause(self, container: str) -> None:
        """Let it run on; only called where ``capabilities.pause`` is true."""

    @abstractmethod
    def remove(self, container: str) -> None:
        """Remove it by force, running or not. A missing one is no error."""

    @abstractmethod
    def exists(self, container: str) -> bool:
        """Whether there is a container of that ID or name, in any state, ours or not."""

    @abstractmethod
    def is_running(self, container: str) -> bool:
        """Whether its main process runs."""

    @abstractmethod
    def create_foreign(self, name: str, image: str = "") -> str:
        """A running container of that name that is not DVM's; its full ID.

        Args:
            name: its name.
            image: what it is made from; empty for any image that can ``sleep``. It is given no label of DVM's.
        """

    @abstractmethod
    def retag(self, source: str, name: str) -> None:
        """Let the image name ``name`` stand for the image that ``source`` names."""

    @abstractmethod
    def remove_volume(self, name: str) -> None:
        """Remove a named volume that a test made; a missing one is no error."""

    # What not every engine has. None says so, and the tests of it are skipped.

    def create_unstarted(self, name: str, labels: Mapping[str, str]) -> str | None:
        """A container with these labels that was made and never started: what a crash in a start leaves; its ID."""
        return None

    def create_restarting(self, name: str, labels: Mapping[str, str]) -> str | None:
        """A container with these labels that fails at once and that the engine starts again for ever; its ID."""
        return None

    def volumes_of(self, container: str) -> list[str] | None:
        """The names of the volumes that it has mounted, anonymous ones too."""
        return None

    def volume_exists(self, name: str) -> bool | None:
        """Whether the engine has a volume of that name."""
        return None


@dataclass(frozen=True)
class Subject:
    """What one run of the suite is about.

    Attributes:
        runtime: the runtime under test, shared by all tests.
        new_runtime: makes another one on the same engine. Where it can be pickled, as
            ``functools.partial(create_runtime, "docker")`` can, tests use it in other processes too.
        image: a small image with a POSIX shell and the usual tools in it, under this very name.
        other_image: another such image, with another ID.
        outside: somebody else at the same engine.
        host_folder: a folder of this host that the engine can mount; tests make their own folders in it.
        unreachable: makes a runtime of this kind where no engine answers, which must raise
            `RuntimeUnavailableError`; None where there is no such place.
        registry_image: an image that the engine does not have and can pull; empty where no registry is to be had.
        mount_owner: the user of this host, by number, who owns what a workspace writes into a mounted folder; None for
            the caller, whom a virtual machine's file sharing makes the owner too. Only where something stands in for
            a virtual machine, and shares nothing, is it another one.
    """

    runtime: ContainerRuntime
    new_runtime: Callable[[], ContainerRuntime]
    image: str
    other_image: str
    outside: Outside
    host_folder: Path
    unreachable: Callable[[], ContainerRuntime] | None = None
    registry_image: str = ""
    mount_owner: int | None = None
