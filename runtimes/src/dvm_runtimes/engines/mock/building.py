"""Builds, step by step as Docker's classic builder does them: each step an image, kept for the next build."""

from __future__ import annotations

import dataclasses
import hashlib
import posixpath
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dvm_runtimes.builds.context import Sources, pack_context
from dvm_runtimes.builds.dockerfile import DockerfileError, Instruction, expand, needs_buildkit, parse
from dvm_runtimes.builds.proxies import PREDEFINED, with_proxies
from dvm_runtimes.engines.base import ContainerSpec, Progress
from dvm_runtimes.errors import BuildError, EngineError, UnsupportedError
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.waiting import LOG_LINES

from .archives import read_archive
from .containers import MockContainer
from .images import PATH, Image, new_image_id, reference
from .layers import copy_into, digest, matching
from .nodes import MemoryFolder, Node
from .tree import Tree, Who
from .users import UnknownUserError, resolve

if TYPE_CHECKING:
    from .world import World

_ENDS = 10.0
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass
class _Stage:
    """One stage: the image so far, what made it, and the names that its instructions may use."""

    name: str
    image: Image
    key: str
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {**self.arguments, **self.image.env}


def build(world: World, op: Operation, options: BuildOptions, labels: Mapping[str, str], progress: Progress) -> str:
    """Build and tag an image; its ID.

    Raises:
        BuildError: the Dockerfile cannot be read, or a step failed.
        UnsupportedError: secrets or SSH agents, which need BuildKit.
    """
    options = with_proxies(options, "mock")
    sources = Sources.of(options)
    features = needs_buildkit(sources.text)
    features += ["build secrets"] if options.secrets else []
    features += ["SSH agents in builds"] if options.ssh else []
    if features:
        raise world.problem(
            UnsupportedError,
            f"the mock builds as Docker's classic builder does, which cannot do {', '.join(features)}",
            hint="Write the Dockerfile without it, or build on another runtime.",
        )
    made = _Build(world, op, options, progress).run(labels)
    with world.lock:
        world.images.add(made, [options.image_name, *options.tags])
    return made.id


class _Build:
    def __init__(self, world: World, op: Operation, options: BuildOptions, progress: Progress) -> None:
        self._world = world
        self._op = op
        self._options = options
        self._progress = progress
        self._stages: list[_Stage] = []
        self._global: dict[str, str] = {}
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._step = ""
        self._context = MemoryFolder()
        self._do: dict[str, Callable[[Instruction], None]] = {
            "ADD": self._copy,
            "ARG": self._arg,
            "CMD": self._command,
            "COPY": self._copy,
            "ENTRYPOINT": self._command,
            "ENV": self._env,
            "FROM": self._from,
            "HEALTHCHECK": self._health,
            "LABEL": self._label,
            "RUN": self._run,
            "SHELL": self._shell,
            "USER": self._user,
            "VOLUME": self._volume,
            "WORKDIR": self._working_dir,
        }

    def run(self, labels: Mapping[str, str]) -> Image:
        """Do every step; the last one's image, with ``labels``."""
        sources = Sources.of(self._options)
        try:
            instructions = self._up_to_target(parse(sources.text))
            self._read_context(sources)
            for number, instruction in enumerate(instructions, 1):
                self._op.check()
                self._step = f"Step {number}/{len(instructions)} : {instruction}"
                self._progress(ProgressEvent(self._step, number, len(instructions)))
                if instruction.keyword == "ONBUILD":
                    raise instruction.error("the mock does not have this instruction")
                # EXPOSE, STOPSIGNAL and MAINTAINER show nowhere in the mock.
                if (step := self._do.get(instruction.keyword)) is not None:
                    step(instruction)
        except (DockerfileError, UnknownUserError, OSError, UnicodeDecodeError) as error:
            raise self._failed(str(error)) from None
        self._change(f"labels {sorted(labels.items())}", labels={**self._stage.image.labels, **labels})
        return self._stage.image

    def _up_to_target(self, instructions: list[Instruction]) -> list[Instruction]:
        """The instructions up to the end of the stage that is asked for."""
        target = self._options.target
        names: list[str] = []
        for at, instruction in enumerate(instructions):
            if instruction.keyword == "FROM":
                if target and target.lower() in names[-1:]:
                    return instructions[:at]
                names.append(instruction.stage_name() or str(len(names)))
        if target and target.lower() not in names[-1:]:
            raise DockerfileError(f"there is no stage {target!r}")
        return instructions

    def _read_context(self, sources: Sources) -> None:
        read_archive(Tree(self._context, self._world.lock), "/", pack_context(sources, sources.inside or ".dockerfile"))
        rules = sources.ignore()
        # The builder gets these two, whatever the rules say, and leaves them out of COPY itself.
        for name in (".dockerignore", "Dockerfile"):
            if rules.leaves_out(name) and self._context.get(name) is not None:
                self._context.remove(name)

    def _failed(self, reason: str) -> BuildError:
        where = f" at {self._step!r}" if self._step else ""
        return self._world.problem(
            BuildError,
            f"the build of {self._options.image_name!r} failed{where}: {reason}",
            hint="Its last lines tell why.",
            detail=reason,
            logs="\n".join([*self._lines, reason]),
        )

    # Stages

    @property
    def _stage(self) -> _Stage:
        return self._stages[-1]

    def _from(self, instruction: Instruction) -> None:
        name = expand(instruction.arguments()[0], {**self._global, **self._given(self._global)})
        earlier = self._earlier(name)
        image = earlier.image if earlier is not None else self._base(name)
        self._stages.append(_Stage(instruction.stage_name(), image, f"from {image.id}"))
        arguments = self._options.build_args.items()
        self._stage.arguments.update((name, value) for name, value in arguments if name.upper() in PREDEFINED)

    def _base(self, name: str) -> Image:
        if name == "scratch":
            return Image(new_image_id(), MemoryFolder(), time.time(), env={"PATH": PATH})
        store = self._world.images
        with self._world.lock:
            image = None if self._options.pull else store.find(name)
            if image is None and (image := store.pullable.get(reference(name))) is not None:
                store.add(image, [name])
            image = image or store.find(name)
        if image is None:
            raise DockerfileError(f"pull access denied for {name}, repository does not exist")
        return image

    def _earlier(self, name: str) -> _Stage | None:
        if name.isdecimal() and int(name) < len(self._stages):
            return self._stages[int(name)]
        return next((stage for stage in self._stages if stage.name and stage.name == name.lower()), None)

    def _given(self, known: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in self._options.build_args.items() if name in known}

    # Steps

    def _change(self, what: str, *, root: Callable[[], MemoryFolder] | None = None, **configuration: object) -> None:
        """Go from the stage's image to the next, or to what an earlier build made of the same."""
        stage, cache = self._stage, self._world.built
        stage.key = hashlib.sha256(f"{stage.key}\0{what}".encode(errors="surrogateescape")).hexdigest()
        with self._world.lock:
            known = None if self._options.no_cache else cache.get(stage.key)
        if known is not None:
            self._tell(" ---> Using cache")
        else:
            files = root() if root is not None else stage.image.root
            known = dataclasses.replace(
                stage.image,
                id=new_image_id(),
                created=time.time(),
                root=files,
                **configuration,  # type: ignore[arg-type]
            )
            with self._world.lock:
                cache[stage.key] = known
        stage.image = known

    def _tell(self, line: str) -> None:
        self._progress(ProgressEvent(self._step, message=line))

    def _expanded(self, instruction: Instruction) -> list[str]:
        return [expand(word, self._stage.variables) for word in instruction.arguments()]

    def _arg(self, instruction: Instruction) -> None:
        known = self._stage.arguments if self._stages else self._global
        for word in instruction.arguments():
            name, assigned, default = word.partition("=")
            if name in self._options.build_args:
                known[name] = self._options.build_args[name]
            elif assigned:
                known[name] = expand(default, known)
            elif name in self._global:
                known[name] = self._global[name]

    def _env(self, instruction: Instruction) -> None:
        pairs = {name: expand(value, self._stage.variables) for name, value in instruction.pairs().items()}
        self._change(f"ENV {pairs}", env={**self._stage.image.env, **pairs})

    def _label(self, instruction: Instruction) -> None:
        pairs = {name: expand(value, self._stage.variables) for name, value in instruction.pairs().items()}
        self._change(f"LABEL {pairs}", labels={**self._stage.image.labels, **pairs})

    def _user(self, instruction: Instruction) -> None:
        user = self._expanded(instruction)[0]
        self._change(f"USER {user}", user=user)

    def _volume(self, instruction: Instruction) -> None:
        volumes = tuple(dict.fromkeys((*self._stage.image.volumes, *self._expanded(instruction))))
        self._change(f"VOLUME {volumes}", volumes=volumes)

    def _command(self, instruction: Instruction) -> None:
        argv = instruction.argv(self._stage.shell)
        if instruction.keyword == "ENTRYPOINT":
            # As Docker has it: a new entrypoint drops the command that was inherited.
            self._change(f"ENTRYPOINT {argv}", entrypoint=tuple(argv), command=())
        else:
            self._change(f"CMD {argv}", command=tuple(argv))

    def _shell(self, instruction: Instruction) -> None:
        argv = instruction.exec_form()
        if not argv:
            raise instruction.error("needs the JSON form")
        self._stage.shell = tuple(argv)

    def _health(self, instruction: Instruction) -> None:
        check = instruction.health_check(self._stage.shell)
        self._change(str(instruction), health=check)

    def _working_dir(self, instruction: Instruction) -> None:
        image = self._stage.image
        path = posixpath.normpath(posixpath.join(image.working_dir or "/", self._expanded(instruction)[0]))

        def root() -> MemoryFolder:
            copied = image.root.copy()
            Tree(copied, self._world.lock).make_folders(path)
            return copied

        self._change(f"WORKDIR {path}", root=root, working_dir=path)

    def _copy(self, instruction: Instruction) -> None:
        *sources, destination = self._expanded(instruction)
        if not sources:
            raise instruction.error("needs a source and a destination")
        found = [pair for source in sources for pair in self._sources(instruction, source)]
        image = self._stage.image
        whole = posixpath.join(image.working_dir or "/", destination)
        # "." and ".." at the end mean a folder too.
        is_folder = destination.endswith(("/", "/.", "..")) or destination == "."
        target = posixpath.normpath(whole).rstrip("/") + ("/" if is_folder else "")
        flags = instruction.flags

        def root() -> MemoryFolder:
            copied = image.root.copy()
            tree = Tree(copied, self._world.lock)
            who = resolve(tree, expand(flags["chown"], self._stage.variables))[0] if "chown" in flags else Who(0, 0)
            copy_into(tree, found, target or "/", who)
            return copied

        self._change(f"{instruction} {target} {digest(found)}", root=root)

    def _sources(self, instruction: Instruction, source: str) -> list[tuple[str, Node]]:
        root = self._context
        if "from" in instruction.flags:
            name = instruction.flags["from"]
            stage = self._earlier(name)
            root = (stage.image if stage is not None else self._base(name)).root
        elif instruction.keyword == "ADD" and ("://" in source or source.endswith(_ARCHIVES)):
            raise instruction.error("the mock adds neither addresses nor archives")
        found = matching(root, source)
        if not found:
            raise instruction.error(f"{source!r} is not in the build context, or .dockerignore leaves it out")
        return found

    # RUN

    def _run(self, instruction: Instruction) -> None:
        argv = instruction.argv(self._stage.shell)
        arguments = self._stage.arguments
        self._change(f"RUN {argv} {sorted(arguments.items())}", root=lambda: self._ran(argv))

    def _ran(self, argv: list[str]) -> MemoryFolder:
        """The files after a command has run in a container of its own."""
        image = self._stage.image
        spec = ContainerSpec(
            name=f"build-{secrets.token_hex(6)}",
            image=image.id,
            entrypoint=tuple(argv),
            command=(),
            env=self._stage.variables,
            labels={},
            working_dir=image.working_dir,
            user=image.user,
        )
        container = MockContainer(self._world, spec, dataclasses.replace(image, health=None), {})
        try:
            container.start()
            self._follow(container)
        except EngineError as error:
            raise DockerfileError(error.detail) from None
        finally:
            if container.run is not None:
                with Operation(self._op.name, timeout=_ENDS, platform=self._world.platform_name) as op:
                    container.remove(op, force=True)
        if container.exit_code:
            raise DockerfileError(f"the command {argv!r} returned a non-zero code: {container.exit_code}")
        return container.root.copy()

    def _follow(self, container: MockContainer) -> None:
        rest = ""
        for _, data in container.journal.read(self._op, tail=None, since=None, follow=True):
            *lines, rest = (rest + data.decode(errors="replace")).split("\n")
            for line in lines:
                self._lines.append(line)
                self._tell(line)
        if rest:
            self._lines.append(rest)
            self._tell(rest)
