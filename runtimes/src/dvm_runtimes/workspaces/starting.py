"""The rules of a start, once for every engine.

1. A name that belongs to somebody else's container is refused; that one is never touched.
2. Ours and unchanged: returned, resumed or started.
3. Ours but changed: replaced, and the old one is lost only once the new one runs.
4. Absent: made. Whatever fails, what this start made is removed, and only that.
5. Two starts of one name at once, in one process or two: the engine lets one
   of them have the name, and the other looks again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import threading
from collections.abc import Iterator

from dvm_runtimes.engines.base import Container, ContainerSpec, Engine, Progress
from dvm_runtimes.engines.specs import MissingInitError
from dvm_runtimes.errors import (
    DvmError,
    EngineError,
    ImageNotFoundError,
    NameConflictError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import ImageInfo, ProgressEvent, WorkspaceStatus
from dvm_runtimes.operation import LONG, Operation
from dvm_runtimes.options import StartOptions
from dvm_runtimes.user.docker_config import proxies
from dvm_runtimes.validation.naming import SPEC, Identity, is_managed

from .lookup import ended_at_once
from .planning import with_image
from .readiness import EarlierOutput, await_ready, earlier_output, last_lines
from .undo import Undo

_PAUSES = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each look at a name that somebody else has just taken, or given up.

An engine gives a name away before it shows the container, and nothing tells of that: on a busy machine Docker takes
seconds from one to the other.
"""
_STOP_GRACE = 10.0

_NOTHING = EarlierOutput()


class Starter:
    """One start: its options, its engine and its limits.

    Args:
        engine: where to start it.
        options: what was asked for.
        spec: what `planning.plan` made of that.
        op: the call's limits.
        cancel: the caller's.
        progress: is told of each stage.
    """

    def __init__(
        self,
        engine: Engine,
        options: StartOptions,
        spec: ContainerSpec,
        op: Operation,
        cancel: threading.Event | None,
        progress: Progress,
    ) -> None:
        self._engine = engine
        self._options = options
        self._spec = spec
        self._op = op
        self._progress = progress
        self._cancel = cancel
        self._pull_counts = False
        self._undo = Undo(engine, op)
        self._without_init = False

    def start(self, *, pull_counts: bool = False) -> Container:
        """The running, ready container, as the engine reported it right after its start.

        Args:
            pull_counts: whether a pull is within the call's limit; otherwise it has its own, `LONG`.
        """
        self._pull_counts = pull_counts
        try:
            return self._start()
        except MissingInitError:
            if self._without_init:
                raise
            # What was made is undone by now.
            self._without_init = True
            return self._start()
        finally:
            self._undo.close()

    def _start(self) -> Container:
        if self._options.pull == "always":
            self._pull()
        for pause in _PAUSES:
            if pause:
                self._op.wait(threading.Event(), pause)
            found = self._engine.inspect_container(self._op, self._spec.name)
            if found is not None and found.name != self._spec.name:
                found = None  # the engine matched a prefix of somebody's ID
            with contextlib.suppress(_LostRaceError):
                return self._create() if found is None else self._reuse(found)
        raise EngineError(
            f"the container {self._spec.name!r} is being made and removed by somebody else at the same time",
            hint="Give this workspace another name, or stop the other starts.",
            platform=self._engine.platform_name,
            operation=self._op.name,
        )

    # Ours, or somebody else's

    def _reuse(self, found: Container) -> Container:
        self._refuse_foreign(found)
        try:
            image = self._image()
        except ImageNotFoundError:
            # The image was removed, or its name now only exists in a registry.
            # A container that runs does not need it.
            if self._options.on_drift != "reuse":
                raise
            image = None
        if image is not None:
            wanted = with_image(self._spec, image.id)
            if found.labels.get(SPEC) != wanted.labels[SPEC] and self._options.on_drift != "reuse":
                if self._options.on_drift == "error":
                    raise self._drifted(found)
                return self._replace(found, wanted)
        return self._bring_up(found)

    def _refuse_foreign(self, found: Container) -> None:
        engine, name = self._engine, self._spec.name
        if not is_managed(found.labels):
            raise NameConflictError(
                f"the name {name!r} belongs to a container that is not DVM's",
                hint="Choose another `container_name`, or remove that container yourself.",
                platform=engine.platform_name,
                operation=self._op.name,
                detail=f"container {found.id[:12]} of image {found.image}",
            )
        theirs = Identity.of(found.labels)
        if not theirs.is_same(self._options.identity):
            named = f"app {theirs.app!r}, workspace {theirs.workspace!r}"
            whose = f"folder {theirs.folder!r}" if theirs.folder else named
            raise NameConflictError(
                f"the name {name!r} belongs to another workspace ({whose})",
                hint="Choose another `container_name`.",
                platform=engine.platform_name,
                operation=self._op.name,
                detail=f"container {found.id[:12]}",
            )

    def _drifted(self, found: Container) -> DvmError:
        return NameConflictError(
            f"workspace {found.name!r} exists with another image or other options",
            hint="Remove it, or start with `on_drift=recreate` to replace it or `on_drift=reuse` to keep it.",
            platform=self._engine.platform_name,
            operation=self._op.name,
        )

    def _bring_up(self, found: Container) -> Container:
        engine, op = self._engine, self._op
        before = found.status
        earlier = earlier_output(engine, op, found) if self._options.ready is not None else _NOTHING
        with self._race_lost_if_changed():
            if before is WorkspaceStatus.PAUSED:
                self._say("Resuming", found.name)
                engine.resume_container(op, found.id)
            elif before is WorkspaceStatus.REMOVING:
                raise _LostRaceError
            elif before is WorkspaceStatus.DEAD:
                engine.remove_container(op, found.id, force=True, volumes=False)
                raise _LostRaceError
            elif before is not WorkspaceStatus.RUNNING:
                self._say("Starting", found.name)
                engine.start_container(op, found.id)
        if before is not WorkspaceStatus.RUNNING or self._options.ready is not None:
            try:
                return self._await_ready(found.id, earlier)
            except BaseException:
                # Put back as it was found: not ours to remove.
                if before not in (WorkspaceStatus.RUNNING, WorkspaceStatus.PAUSED):
                    self._undo.run(lambda op: engine.stop_container(op, found.id, 1))
                raise
        return found

    # Making one

    def _pull(self) -> None:
        engine, options, name = self._engine, self._options, self._op.name
        self._progress(ProgressEvent(step=f"Pulling {options.image_name}"))
        if self._pull_counts:
            self._op.step = f"pulling {options.image_name}"
            engine.pull_image(self._op, options.image_name, options.platform, self._progress)
            return
        pulling = Operation(name, timeout=LONG, cancel=self._cancel, platform=engine.platform_name)
        pulling.step = f"pulling {options.image_name}"
        with self._op.suspended(), pulling:
            engine.pull_image(pulling, options.image_name, options.platform, self._progress)

    def _image(self) -> ImageInfo:
        engine, op = self._engine, self._op
        image = engine.inspect_image(op, self._spec.image)
        if image is None and self._options.pull != "never":
            self._pull()
            image = engine.inspect_image(op, self._spec.image)
        if image is None:
            raise ImageNotFoundError(
                f"there is no image {self._spec.image!r} on {engine.platform_name}",
                hint="Build it with `dvm build`, or let it be pulled with `pull=missing`.",
                platform=engine.platform_name,
                operation=op.name,
            )
        return image

    def _create(self) -> Container:
        spec = with_image(self._spec, self._image().id)
        self._say("Creating", spec.name)
        try:
            made = self._engine.create_container(self._op, self._possible(spec))
        except NameConflictError as error:
            raise _LostRaceError from error
        except BaseException:
            # Cut short: the engine may have made it all the same, without an answer.
            self._undo.run(lambda op: self._remove_unanswered(op, spec))
            raise
        try:
            self._say("Starting", spec.name)
            self._engine.start_container(self._op, made)
            return self._await_ready(made)
        except WorkspaceNotFoundError as error:
            raise _LostRaceError from error
        except BaseException as error:
            self._carry_logs(error, made)
            self._remove(made, error)
            raise

    def _possible(self, spec: ContainerSpec) -> ContainerSpec:
        """The spec as it is sent to this engine. Its labels, and so its hash, are the original's: another network's
        proxies are no reason to make the workspace again."""
        spec = spec.without_init() if self._without_init else spec
        return dataclasses.replace(spec, env={**proxies(self._engine.endpoint), **spec.env})

    def _remove_unanswered(self, op: Operation, spec: ContainerSpec) -> None:
        found = self._engine.inspect_container(op, spec.name)
        # Only what can be the outcome of this very call: ours, of this spec, never started.
        if (
            found is not None
            and found.name == spec.name
            and is_managed(found.labels)
            and found.labels
            == dict(spec.labels) | {key: found.labels[key] for key in found.labels.keys() - spec.labels}
            and found.status is WorkspaceStatus.CREATED
        ):
            self._engine.remove_container(op, found.id, force=True, volumes=True)

    def _replace(self, old: Container, spec: ContainerSpec) -> Container:
        """Make the new one beside the old one, then let them change places."""
        engine, op = self._engine, self._op
        mark = secrets.token_hex(4)
        beside = dataclasses.replace(spec, name=engine.container_name(f"{spec.name[:48]}-new-{mark}"))
        aside = engine.container_name(f"{spec.name[:48]}-old-{mark}")
        self._say("Replacing", spec.name)
        try:
            new = engine.create_container(op, self._possible(beside))
        except BaseException:
            self._undo.run(lambda op: self._remove_unanswered(op, beside))
            raise
        moved = False
        try:
            with self._race_lost_if_changed():
                current = engine.inspect_container(op, spec.name)
                if current is None or current.id != old.id:
                    raise _LostRaceError  # somebody replaced it meanwhile
                # Ports and volumes are free for the new one only once the old one has stopped.
                if old.status is WorkspaceStatus.PAUSED:
                    engine.resume_container(op, old.id)
                engine.stop_container(op, old.id, _STOP_GRACE)
                engine.rename_container(op, old.id, aside)
                moved = True
                engine.rename_container(op, new, spec.name)
            engine.start_container(op, new)
            running = self._await_ready(new)
        except BaseException as error:
            self._carry_logs(error, new)
            self._remove(new, error)
            self._undo.run(lambda op: self._restore(op, old, moved=moved))
            if isinstance(error, NameConflictError):
                raise _LostRaceError from error
            raise
        self._remove(old.id)
        return running

    def _restore(self, op: Operation, old: Container, *, moved: bool) -> None:
        engine = self._engine
        if moved:
            try:
                engine.rename_container(op, old.id, old.name)
            except NameConflictError:
                # The other start that won the name replaces this container too.
                engine.remove_container(op, old.id, force=True, volumes=False)
                return
        else:
            now = engine.inspect_container(op, old.id)
            if now is None or now.name != old.name:
                return  # another start has put it aside, and is the one to put it back
        if old.status in (WorkspaceStatus.RUNNING, WorkspaceStatus.PAUSED, WorkspaceStatus.RESTARTING):
            with contextlib.suppress(WorkspaceNotFoundError):
                engine.start_container(op, old.id)

    # Small things

    def _await_ready(self, container: str, earlier: EarlierOutput = _NOTHING) -> Container:
        now = self._engine.inspect_container(self._op, container)
        if now is None:
            raise _LostRaceError
        if now.status is not WorkspaceStatus.RUNNING:
            raise ended_at_once(self._engine, self._op, now)
        if self._options.ready is not None:
            self._say("Waiting until ready", self._spec.name)
            await_ready(self._options.ready, self._engine, container, self._op, earlier)
        return now

    def _remove(self, container: str, error: BaseException | None = None) -> None:
        engine = self._engine
        self._undo.run(
            lambda op: engine.remove_container(op, container, force=True, volumes=True), removes=container, error=error
        )

    def _carry_logs(self, error: BaseException, container: str) -> None:
        if isinstance(error, DvmError) and not error.logs:
            self._undo.run(lambda op: setattr(error, "logs", last_lines(self._engine, op, container)))

    @contextlib.contextmanager
    def _race_lost_if_changed(self) -> Iterator[None]:
        try:
            yield
        except (WorkspaceNotFoundError, WorkspaceNotRunningError) as error:
            # It is gone, or no longer what it was: another start is bringing it up, as Podman has it for a moment.
            raise _LostRaceError from error

    def _say(self, stage: str, name: str) -> None:
        self._op.step = f"{stage.lower()} {name}"
        self._progress(ProgressEvent(step=f"{stage} {name}"))


class _LostRaceError(Exception):
    """Somebody else changed the container between two of our steps: look again."""
