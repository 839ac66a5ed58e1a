"""The kinds of engine that tests run on. A new kind is a new file in ``kinds/``."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.testing.subject import Outside

from . import base_image, debian, namespaces
from .keeping import EngineStartError, Kept, new_folder


class RunningEngine:
    """An engine of this test run's own.

    Attributes:
        kind: which; its name is in the table at the end of the run.
        folder: everything of it, deleted with it.
        endpoint: where it listens, as in ``"unix:///tmp/dvm-engine-x/docker.sock"``.
        version: what it says of itself.
        image, other_image: two different images that are on it.
        outside: somebody else at it, who does not go through DVM.
        pid: of its main process.
        keeper: the process that ends it, and removes every trace of it, once this one has ended.
        host_folder: a folder of this host that it can mount, deleted with it.
    """

    def __init__(
        self,
        kind: EngineKind,
        kept: Kept,
        *,
        endpoint: str,
        version: str,
        outside: Outside,
        pid: int,
        environment: Mapping[str, str],
        host_folder: Path | None = None,
    ) -> None:
        self.kind = kind
        self.folder = kept.folder
        self.endpoint = endpoint
        self.version = version
        self.image = base_image.IMAGE
        self.other_image = base_image.OTHER_IMAGE
        self.outside = outside
        self.pid = pid
        self.host_folder = host_folder or self.folder / "mounts"
        self.host_folder.mkdir(exist_ok=True)
        self.keeper = kept.pid
        self.shared = False
        self._kept = kept
        self._environment = environment

    def environment(self) -> dict[str, str]:
        """The environment of a child process that is to use this engine and see no other."""
        inherited = {key: value for key, value in os.environ.items() if not CHOOSES_AN_ENGINE.fullmatch(key)}
        return {"HOME": "/root", **inherited, **self._environment}

    def machine(self) -> Machine:
        """This machine as a platform sees it that is to find this engine and no other."""
        environment = self.environment()
        return Machine(env=environment, home=Path(environment["HOME"]), uid=os.getuid())

    def stop(self) -> None:
        """Shut it down as its machine would; its containers end."""
        self._must_be_private()
        self._kept.stop()

    def kill(self) -> None:
        """SIGKILL to it; the processes of its containers stay."""
        self._must_be_private()
        self._kept.kill()

    def start(self) -> None:
        """Start it again, with the containers it had."""
        self.pid = self._kept.start()[0]

    def end(self) -> None:
        """End it and remove every trace of it."""
        self._kept.end()

    def _must_be_private(self) -> None:
        if self.shared:
            raise RuntimeError("other tests use this engine too: take the private_docker_engine fixture instead")


CHOOSES_AN_ENGINE = re.compile(r"DVM_(RUNTIME|PLATFORM)|(DOCKER|CONTAINERD?|COLIMA|LIMA|NERDCTL|PODMAN)_.*|KUBECONFIG")
"""The variables with which a user leads programs to an engine."""


@dataclass(frozen=True)
class Share:
    """A share of the conformance suite.

    Attributes:
        parts: names of its classes, as in ``"TestExec"``; empty for all of them.
        why: what can differ on such an engine, and what cannot; for the table at the end of a run.
    """

    parts: tuple[str, ...] = ()
    why: str = ""


WHOLE = Share()
STREAMS = Share(
    ("TestExec", "TestSession", "TestTerminal", "TestLog", "TestCopy", "TestBuild", "TestEvent"),
    "the same engine behind another kind of connection: what streams",
)


class EngineKind(ABC):
    """One kind of engine: whether it can be had here, how it is installed and started."""

    name: str
    """Its name in the table and in test IDs, as in ``"docker-26.1"``."""

    runtime: str
    """The public runtime name that drives it, as in ``"docker"``."""

    which: str = ""
    """What `create_runtime` is asked for to get it, as in ``"colima:work"``; empty for `runtime`."""

    programs: Mapping[str, str]
    """The programs it needs, each with the Debian package that has it."""

    mount_owner: int | None = None
    """As in `Subject`: who owns what is written into a mounted folder, if not the caller."""

    reaches_loopback: bool = True
    """Whether the engine itself can connect to a loopback address that is the tests' too, or that `beside` leads to."""

    needed_variables: tuple[str, ...] = ()
    """Those of its environment that the process which tests it must have too, for programs that it starts."""

    suite: Share = WHOLE
    """What of the conformance suite `make test` runs on it."""

    order: int = 100
    """Its place in the table."""

    def why_not(self) -> str:
        """The reason why it can't be had here; empty when it can. Nothing is started or installed."""
        return self.why_not_here() or self.why_not_yet()

    def why_not_here(self) -> str:
        """What this machine lacks; empty when `prepare` can do the rest."""
        if sys.platform != "linux":
            return "test engines run on Linux only"
        if os.geteuid() != 0:
            return "only root can start it"
        if reason := debian.why_not({**_EVERY_ENGINE, **self.programs}):
            return reason
        allowed = subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, text=True, check=False)
        return "" if allowed.returncode == 0 else f"no namespaces may be made here: {allowed.stderr.strip()}"

    def packages(self) -> list[str]:
        """The Debian packages that it lacks."""
        return debian.missing({**_EVERY_ENGINE, **self.programs})

    def why_not_yet(self) -> str:
        """What `prepare` has not done; empty for most kinds, which need nothing of it."""
        return ""

    def prepare(self) -> None:  # noqa: B027 - most kinds need nothing
        """What takes long and is needed once a machine, after the packages are installed."""

    def start(self) -> RunningEngine:
        """Start one, with its images on it. This process enters `namespaces` of the tests' own, if it has not.

        Raises:
            EngineStartError: it did not start; the message ends with its log.
        """
        if not namespaces.inside():
            namespaces.enter()
        folder = new_folder()
        try:
            return self.run(folder)
        finally:
            # The keeper deletes it from here on; without one, it is still empty.
            if not (folder / "keep.json").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def unreachable(self, engine: RunningEngine) -> tuple[str, dict[str, str]]:
        """What `create_runtime` is asked for, with which overrides, to get a runtime where no engine answers."""
        return self.which or self.runtime, {"endpoint": f"unix://{engine.folder}/nobody.sock"}

    def beside(self, engine: RunningEngine, program: str) -> str:
        """The program that runs ``program`` in the engine's network."""
        return program

    @abstractmethod
    def run(self, folder: Path) -> RunningEngine:
        """Start one in ``folder``."""


_EVERY_ENGINE = {"unshare": "util-linux", "mount": "mount", "ip": "iproute2", "busybox": "busybox-static"}


def every_kind() -> dict[str, EngineKind]:
    """Each kind by its name, in the order of the table."""
    from . import kinds

    found = [
        kind
        for module in pkgutil.iter_modules(kinds.__path__)
        for kind in importlib.import_module(f"{kinds.__name__}.{module.name}").KINDS
    ]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: (kind.order, kind.name))}


__all__ = ["STREAMS", "WHOLE", "EngineKind", "EngineStartError", "RunningEngine", "Share", "every_kind"]
