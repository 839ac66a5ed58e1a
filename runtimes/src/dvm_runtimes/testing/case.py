"""What every part of the conformance suite stands on: workspaces with unique names that are gone in the end."""

from __future__ import annotations

import json
import pickle
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dvm_runtimes.errors import (
    DvmError,
    ImageNotFoundError,
    OperationCancelledError,
    OperationTimeoutError,
    WorkspaceNotFoundError,
)
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.options import BuildOptions, ExecOptions, StartOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import OWNER

from .eventlog import EventLog
from .subject import Subject

LIMIT = 60.0
"""Seconds that anything may take that is sure to come; only a defect ever waits so long."""

MISSING_IMAGE = "127.0.0.1:1/dvm-conformance/missing:1"
"""Nothing listens on TCP port 1, so that asking for it fails at once and needs no name server."""

ErrorType = TypeVar("ErrorType", bound=DvmError)


class Bench:
    """One test's workspaces, images, volumes and folders; `clear` removes them all.

    Args:
        subject: what is tested.
        owner: the mark that every workspace carries.
    """

    def __init__(self, subject: Subject, owner: str) -> None:
        self.subject = subject
        self.runtime: ContainerRuntime = subject.runtime
        self.owner = owner
        self._names: list[str] = []
        self._outsiders: list[str] = []
        self._images: list[str] = []
        self._volumes: list[str] = []
        self._folders: list[Path] = []
        self._logs: list[EventLog] = []

    # Names and things that have them

    def name(self) -> str:
        """A name that nothing else has."""
        return f"conf-{secrets.token_hex(5)}"

    def path(self) -> str:
        """A path inside a workspace, in a folder that every user may write to; nothing is there yet."""
        return f"/tmp/{self.name()}"  # noqa: S108 -- inside, and nobody else's

    def options(self, **changes: Any) -> StartOptions:
        """Options for a workspace with a name of its own; what they start is removed in the end."""
        given: dict[str, Any] = {"image_name": self.subject.image, "owner": self.owner}
        if not changes.get("container_name") and "workspace_name" not in changes:
            given["workspace_name"] = self.name()
        options = StartOptions(**(given | changes))
        self._names.append(options.name)
        return options

    def start(self, **changes: Any) -> str:
        """Start a workspace with such options; its ID."""
        return self.runtime.start_workspace(self.options(**changes), timeout=LIMIT)

    def foreign(self, name: str, image: str = "") -> str:
        """Somebody else's running container of that name."""
        made = self.subject.outside.create_foreign(name, image)
        self._outsiders.append(made)
        return made

    def outsider(self, container: str | None, reason: str) -> str:
        """A container that was made behind the runtime's back; a skip where that cannot be done."""
        if container is None:
            pytest.skip(f"{self.runtime.platform_name}: {reason}")
        self._outsiders.append(container)
        return container

    def image(self, source: str | None = None) -> str:
        """A fresh image name for the test's image, or for ``source``."""
        name = f"dvm-conformance/{self.name()}:1"
        self.own_image(name)
        self.subject.outside.retag(source or self.subject.image, name)
        return name

    def own_image(self, name: str) -> str:
        """Let ``name`` be removed in the end."""
        self._images.append(name)
        return name

    def build(self, dockerfile: str, *, files: Mapping[str, str] | None = None, **changes: Any) -> str:
        """Build an image from a Dockerfile and files of its context; its name, which is removed in the end."""
        name = self.own_image(f"dvm-conformance/{self.name()}:1")
        folder = self.context(dockerfile, files)
        self.runtime.build_image(BuildOptions(image_name=name, app_path=folder, **changes), timeout=LIMIT)
        return name

    def context(self, dockerfile: str, files: Mapping[str, str] | None = None) -> Path:
        """A folder with a Dockerfile (``IMAGE`` in it is the test's image) and these files, by relative path."""
        folder = self.folder()
        for path, text in {**(files or {}), "Dockerfile": dockerfile.replace("IMAGE", self.subject.image)}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def volume(self) -> str:
        """A name for a volume, which is removed in the end."""
        return self.own_volume(self.name())

    def own_volume(self, name: str) -> str:
        """Let the volume ``name`` be removed in the end."""
        self._volumes.append(name)
        return name

    def folder(self) -> Path:
        """A new folder of this host that the engine can mount and that any user may write to."""
        folder = self.subject.host_folder / self.name()
        folder.mkdir()
        folder.chmod(0o777)
        self._folders.append(folder)
        return folder

    def events(self, runtime: ContainerRuntime | None = None) -> EventLog:
        """The changes of workspaces from now on."""
        require(self.runtime, "events")
        log = EventLog((runtime or self.runtime).watch_workspaces(timeout=LIMIT))
        self._logs.append(log)
        return log

    def eventually(self, holds: Callable[[], bool], what: str) -> None:
        """Ask again and again until what must come about has done so, where nothing tells of it."""
        end = time.monotonic() + LIMIT
        while not holds():
            assert time.monotonic() < end, f"within {LIMIT:g} s it did not come to this: {what}"
            threading.Event().wait(0.02)

    # What tests ask all the time

    def sh(self, workspace: str, script: str, **options: Any) -> str:
        """What a shell script inside writes; it must succeed and write nothing to stderr."""
        result = self.runtime.exec_in_workspace(
            workspace, ["sh", "-c", script], ExecOptions(**options) if options else None, timeout=LIMIT
        )
        assert (result.exit_code, result.stderr) == (0, b""), f"{script!r} gave {result}"
        return result.stdout.decode()

    def let_end(self, workspace: str, path: str) -> None:
        """Make the file that a main process waits for to end; this command may be ended with it."""
        with suppress(DvmError):
            self.runtime.exec_in_workspace(workspace, ["touch", path], timeout=LIMIT)

    def info(self, workspace: str) -> WorkspaceInfo:
        """What is known of it; it must be there."""
        found = self.runtime.find_workspace(workspace)
        assert found is not None, f"no workspace {workspace!r}"
        return found

    def logs(self, workspace: str) -> bytes:
        """All that its main process wrote so far."""
        return b"".join(self.runtime.workspace_logs(workspace, timeout=LIMIT))

    def await_log(self, workspace: str, word: bytes) -> bytes:
        """Follow its output until ``word`` is in it; what came so far."""
        read: list[bytes] = []
        recent = b""
        with closing(self.runtime.workspace_logs(workspace, follow=True, timeout=LIMIT)) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                read.append(piece)
                recent = recent[-len(word) :] + piece
                if word in recent:
                    return b"".join(read)
        raise AssertionError(f"its output ended without {word!r}: {b''.join(read)!r}")

    def names_left(self) -> list[str]:
        """The containers with this run's mark, in any state."""
        return sorted(info.name for info in self.runtime.list_workspaces({OWNER: self.owner}))

    def assert_nothing_of(self, options: StartOptions) -> None:
        """There is no container of that name, and none under a name made from it."""
        assert not self.subject.outside.exists(options.name)
        assert [name for name in self.names_left() if options.name in name] == []

    def clear(self) -> list[str]:
        """Remove what the test made by name; the names of what is left with this run's mark, which is removed too."""
        for log in self._logs:
            log.close()
        for name in self._names:
            self._remove(name)
        for container in self._outsiders:
            self.subject.outside.remove(container)
        left = self.names_left()
        for name in left:
            self._remove(name)
        for image in self._images:
            try:
                self.runtime.remove_image(image, force=True)
            except ImageNotFoundError:
                pass  # the test removed it, or never made it
        for volume in self._volumes:
            self.subject.outside.remove_volume(volume)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        return left

    def _remove(self, name: str) -> None:
        try:
            self.runtime.remove_workspace(name, force=True, volumes=True, timeout=LIMIT)
        except WorkspaceNotFoundError:
            pass  # the test removed it, or never made it


class ConformanceCase:
    """The base of every part of the suite; needs a fixture ``subject`` of class scope or wider."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def owner(cls, subject: Subject) -> Iterator[str]:
        """The mark of this class's workspaces; in the end there is none left that carries it."""
        mark = f"conformance-{secrets.token_hex(6)}"
        yield mark
        left = [info.name for info in subject.runtime.list_workspaces({OWNER: mark})]
        assert left == [], f"containers came after the test that caused them had ended: {left}"

    @pytest.fixture
    def runtime(self, subject: Subject) -> ContainerRuntime:
        """The runtime under test."""
        return subject.runtime

    @pytest.fixture(scope="class")
    @classmethod
    def shared_options(cls, subject: Subject, owner: str) -> Iterator[StartOptions]:
        """The options of the one workspace that this class's tests share."""
        name = f"conf-shared-{secrets.token_hex(5)}"
        yield StartOptions(image_name=subject.image, workspace_name=name, owner=f"{owner}-shared")
        if subject.runtime.find_workspace(name) is not None:
            subject.runtime.remove_workspace(name, force=True, volumes=True, timeout=LIMIT)

    @pytest.fixture(scope="class")
    @classmethod
    def patience(cls, subject: Subject, owner: str) -> float:
        """Seconds in which this engine surely has something started and running, however busy this machine is."""
        options = StartOptions(image_name=subject.image, workspace_name=f"conf-{secrets.token_hex(5)}", owner=owner)
        began = time.monotonic()
        subject.runtime.start_workspace(options, timeout=LIMIT)
        took = time.monotonic() - began
        subject.runtime.remove_workspace(options.name, force=True, timeout=LIMIT)
        return 1.0 + 5.0 * took

    @pytest.fixture
    def workspace(self, runtime: ContainerRuntime, shared_options: StartOptions) -> str:
        """A running workspace for tests that only look, or that write below a name of their own."""
        return runtime.start_workspace(shared_options, timeout=LIMIT)

    @pytest.fixture
    def bench(self, subject: Subject, owner: str) -> Iterator[Bench]:
        """Makes workspaces for one test, removes them, and sees that nothing else was left."""
        bench = Bench(subject, owner)
        yield bench
        left = bench.clear()
        assert left == [], f"the test left containers that it did not ask for: {left}"


def require(runtime: ContainerRuntime, *capabilities: str) -> None:
    """Skip the test, with the engine's own reason, where the engine cannot do all of these."""
    for capability in capabilities:
        if reason := runtime.capabilities.why_not(capability):
            pytest.skip(f"{runtime.platform_name}: {reason}")


def assert_typed(error: DvmError, runtime: ContainerRuntime, operation: str, *, hint: bool = True) -> None:
    """An error that left a method of ``runtime`` says all that its reader needs."""
    assert error.kind != DvmError.kind
    assert error.platform == runtime.platform_name
    assert error.operation == operation
    assert str(error) == str(error).strip() != ""
    assert "\n" not in str(error)
    if hint:
        assert error.hint
        assert error.hint.split() == str(error).split()[-len(error.hint.split()) :]
    if isinstance(error, OperationCancelledError | OperationTimeoutError):
        # The caller's own doing: nothing suggests that the engine went away.
        assert error.detail == ""
    data = json.loads(json.dumps(error.to_dict()))
    assert data["kind"] == error.kind
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- made on the line itself
    assert type(again) is type(error)
    assert again.to_dict() == error.to_dict()
