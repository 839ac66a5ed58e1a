"""Image builds with BuildKit into the namespace of the workspaces.

An engine in a virtual machine may not see the files of a build: they are sent to it on standard input.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.builds.context import Sources
from dvm_runtimes.builds.dockerfile import base_images
from dvm_runtimes.builds.proxies import with_proxies
from dvm_runtimes.engines.base import Progress
from dvm_runtimes.errors import BuildError, DvmError, InvalidOptionError, RuntimeUnavailableError, UnsupportedError
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.workspaces.archive import pack

from . import argv, scripts
from .client import NerdctlClient, sending
from .logrus import parse_messages
from .profile import HostPath
from .transport import Call, new_mark

_TAR_END = 1024
"""Bytes of the two empty blocks at the end of a tar."""

_UNSHARE_LIMIT = 30.0
"""Seconds to take back the names that images have got in BuildKit's namespace."""

LAST_LINES = 40
"""Lines of output that the error of a failed build carries."""

_STEP = re.compile(r"#(\d+) (\[.*\S)\s*$")
_LINE = re.compile(r"#(\d+) (?:\d+\.\d+ )?(.*)$")
_POSITION = re.compile(r"\[(?:(\S+) +)?(\d+)/(\d+)\] (FROM )?")
_SHARED_NAME = re.compile(r" (?:for )?localhost/dvm-build-[0-9a-f]+:\d+")
_REFERENCE = re.compile(r"[A-Za-z0-9][\w./:@-]*")
_NO_BUILDKIT = re.compile(r"buildkit|buildctl")


def build(
    client: NerdctlClient,
    op: Operation,
    options: BuildOptions,
    labels: Mapping[str, str],
    progress: Progress,
    *,
    endpoint: str,
) -> None:
    """Build an image and tag it.

    Args:
        endpoint: the engine's address, which may have proxies of its own.

    Raises:
        BuildError: a step failed; ``logs`` has its last lines.
        RuntimeUnavailableError: BuildKit does not answer.
    """
    options = with_proxies(options, endpoint)
    sources = Sources.of(options)
    context, dockerfile = Path(os.path.realpath(sources.folder)), Path(os.path.realpath(sources.dockerfile))
    with _shared_images(client, op, options, sources.text) as images:
        _build(client, op, options, labels, progress, context, dockerfile, images)


@contextlib.contextmanager
def _shared_images(
    client: NerdctlClient, op: Operation, options: BuildOptions, dockerfile: str
) -> Iterator[Mapping[str, str]]:
    """Within the block BuildKit sees the engine's images that the Dockerfile names; each by its name in BuildKit.

    BuildKit may work in another containerd namespace, as Colima's does. It would ask a registry for such a name, which
    may give it somebody else's image.
    """
    named = [] if options.pull else base_images(dockerfile, options.build_args)
    names = [name for name in named if _REFERENCE.fullmatch(name)]
    mark = new_mark()
    images: dict[str, str] = {}
    other = ""
    try:
        if names:
            script = client.script(scripts.SHARE_IMAGES, client.profile.namespace, mark, " ".join(names))
            for line in client.ok(op, script).decode(errors="replace").splitlines():
                other, _, pair = line.partition(" ")
                name, _, images[name] = pair.rpartition("=")
        yield images
    finally:
        if images:
            with (
                contextlib.suppress(DvmError),
                Operation(op.name, timeout=_UNSHARE_LIMIT, platform=op.platform) as cleanup,
            ):
                references = " ".join(images.values())
                client.run(cleanup, client.script(scripts.UNSHARE_IMAGES, other, references))


def _build(
    client: NerdctlClient,
    op: Operation,
    options: BuildOptions,
    labels: Mapping[str, str],
    progress: Progress,
    context: Path,
    dockerfile: Path,
    images: Mapping[str, str],
) -> None:
    files: Iterable[bytes] = ()
    host_path = client.profile.host_path
    if host_path is None:
        args = argv.build(options, labels, dockerfile=os.fspath(dockerfile), context=os.fspath(context), images=images)
        secrets = {key: os.path.realpath(path) for key, path in options.secrets.items()}
        call = client.nerdctl(_with_secrets(args, secrets))
    else:
        sent = remote_files(options, context, dockerfile, host_path)
        args = argv.build(options, labels, dockerfile=sent.dockerfile, context=sent.context, images=images)
        call = client.script(scripts.BUILD)
        call = dataclasses.replace(call, operands=tuple(_with_secrets(args, sent.secrets)), stdin=True)
        files = sent.tar()
    _run(client, op, dataclasses.replace(call, merge=True), files, progress)


def _with_secrets(args: list[str], secrets: Mapping[str, str]) -> list[str]:
    flags = [flag for key, path in secrets.items() for flag in ("--secret", f"id={key},src={path}")]
    return [*args[:-1], *flags, args[-1]]


def _run(client: NerdctlClient, op: Operation, call: Call, files: Iterable[bytes], progress: Progress) -> None:
    output = BuildOutput(progress)
    with client.running(op, call) as channel, sending(channel, files) if call.stdin else contextlib.nullcontext():
        while (piece := channel.read()) is not None:
            output.feed(piece[1].decode(errors="replace"))
        output.finish()
        code = channel.wait()
    if code:
        raise _failed(client, op, output)


def _failed(client: NerdctlClient, op: Operation, output: BuildOutput) -> DvmError:
    profile = client.profile
    message = output.reason
    if _NO_BUILDKIT.search(message) and not output.steps:
        return RuntimeUnavailableError(
            f"BuildKit does not answer on {profile.platform_name}",
            hint=profile.hints.build,
            platform=profile.platform_name,
            operation=op.name,
            detail=message,
        )
    if not output.steps:
        error = client.failed(op, message)
        if isinstance(error, RuntimeUnavailableError):
            return error
    return BuildError(
        f"the build failed: {message}",
        hint="The last lines of its output show the step that failed.",
        platform=profile.platform_name,
        operation=op.name,
        detail=message,
        logs="\n".join(output.lines),
    )


class BuildOutput:
    """Reads BuildKit's plain progress: one event for each step, and one for each line that a step writes.

    Args:
        progress: receives the events.
    """

    def __init__(self, progress: Progress) -> None:
        self.steps: dict[str, str] = {}
        """The number of each step to its name."""
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self._progress = progress
        self._unnumbered_from: set[str] = set()
        self._rest = ""
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why the build failed: BuildKit's last error, else nerdctl's, else the last line."""
        if self._reason:
            return self._reason
        own = [one.text for one in parse_messages("\n".join(self.lines)) if one.level in ("fatal", "error")]
        return own[-1] if own else (self.lines[-1] if self.lines else "no message")

    def feed(self, text: str) -> None:
        """Take the next piece of the output."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._line(line.rstrip("\r"))

    def finish(self) -> None:
        """The output has ended."""
        if self._rest:
            self._line(self._rest)
            self._rest = ""

    def _position(self, step: str) -> tuple[int | None, int | None]:
        """The number of a step in its stage, and the number of steps.

        BuildKit gives ``FROM`` the first number, but counts from the step after it where the image is a named context.
        """
        match = _POSITION.match(step)
        if match is None:
            return None, None
        stage, number = match[1] or "", int(match[2])
        contexts = any(name.startswith("[context ") for name in self.steps.values())
        if number == 1 and contexts and not match[4]:
            self._unnumbered_from.add(stage)
        return min(number + (stage in self._unnumbered_from), int(match[3])), int(match[3])

    def _line(self, line: str) -> None:
        line = _SHARED_NAME.sub("", line)
        if not line.strip():
            return
        self.lines.append(line)
        if match := re.match(r"(?:error|ERROR): (?:failed to solve: )?(.*)", line):
            self._reason = match[1]
        if match := _STEP.match(line):
            if match[1] not in self.steps:
                self.steps[match[1]] = match[2]
                done, total = self._position(match[2])
                self._progress(ProgressEvent(step=match[2], current=done, total=total))
        elif (match := _LINE.match(line)) and match[1] in self.steps:
            self._progress(ProgressEvent(step=self.steps[match[1]], message=match[2]))


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Files to unpack into a folder where nerdctl runs, and their paths from that folder.

    Attributes:
        members: each path in the folder, and the file or folder of this machine.
        dockerfile, context: nerdctl's arguments.
        secrets: each secret's ID and path.
    """

    members: Mapping[str, Path]
    dockerfile: str
    context: str
    secrets: Mapping[str, str]

    def tar(self) -> Iterator[bytes]:
        """The files as one tar stream."""
        for name, path in self.members.items():
            pieces = pack(path, name)
            last = next(pieces)
            for piece in pieces:
                yield last
                last = piece
        yield bytes(_TAR_END)


def remote_files(options: BuildOptions, context: Path, dockerfile: Path, host_path: HostPath) -> RemoteFiles:
    """The files to send; the context is one of them only where the engine's machine does not see it.

    Raises:
        UnsupportedError: the build needs an SSH agent, which cannot be sent.
    """
    if options.ssh:
        raise UnsupportedError(
            "an SSH agent of this machine cannot be used by builds in the virtual machine",
            hint="Build on another runtime, or use a build secret.",
            operation="build_image",
        )
    members: dict[str, Path] = {"Dockerfile": dockerfile}
    ignore = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if ignore.is_file():
        members["Dockerfile.dockerignore"] = ignore
    secrets = {}
    for number, (key, path) in zip(itertools.count(), options.secrets.items(), strict=False):
        secrets[key] = f"secret-{number}"
        members[f"secret-{number}"] = Path(os.path.realpath(path))
    try:
        path_there = host_path(context, "build_context")
    except InvalidOptionError:
        path_there = "context"
        members["context"] = context
    return RemoteFiles(members, "Dockerfile", path_there, secrets)
