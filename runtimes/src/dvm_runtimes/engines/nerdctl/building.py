"""Image builds with BuildKit, straight into the namespace of the workspaces."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from dvm_runtimes.engines.base import Progress
from dvm_runtimes.errors import BuildError, DvmError, RuntimeUnavailableError
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from . import argv, scripts
from .calls import Caller
from .messages import messages
from .shipping import ship
from .transport import AbortedError, Call, Channel, TransportError

LAST_LINES = 40
"""How many lines of its output a failed build carries."""

_STEP = re.compile(r"#(\d+) (\[.*\S)\s*$")
_LINE = re.compile(r"#(\d+) (?:\d+\.\d+ )?(.*)$")
_PLACE = re.compile(r"\[(?:\S+ +)?(\d+)/(\d+)\]")
_NO_BUILDKIT = re.compile(r"buildkit|buildctl")


def build(
    caller: Caller,
    op: Operation,
    options: BuildOptions,
    labels: Mapping[str, str],
    progress: Progress,
) -> None:
    """Build and tag.

    Raises:
        BuildError: a step failed; ``logs`` has its last lines.
        RuntimeUnavailableError: no BuildKit answers.
    """
    context = Path(os.path.realpath(options.build_context or options.app_path or ""))
    dockerfile = find_dockerfile(options, context)
    feed: Iterable[bytes] = ()
    see = caller.profile.host_path
    if see is None:
        words = argv.build(options, labels, dockerfile=os.fspath(dockerfile), context=os.fspath(context))
        secrets = {key: os.path.realpath(path) for key, path in options.secrets.items()}
        call = caller.nerdctl(_with_secrets(words, secrets))
    else:
        shipment = ship(options, context, dockerfile, see)
        words = argv.build(options, labels, dockerfile=shipment.dockerfile, context=shipment.context)
        call = caller.script(scripts.BUILD)
        call = dataclasses.replace(call, rest=tuple(_with_secrets(words, shipment.secrets)), stdin=True)
        feed = shipment.tar()
    _run(caller, op, dataclasses.replace(call, merge=True), feed, progress)


def find_dockerfile(options: BuildOptions, context: Path) -> Path:
    """The Dockerfile's real path: below the context, or where the caller is, or absolute."""
    given = Path(options.dockerfile) if options.dockerfile is not None else Path("Dockerfile")
    if not given.is_absolute():
        given = next((path for path in (context / given, given) if path.is_file()), context / given)
    return Path(os.path.realpath(given))


def _with_secrets(words: list[str], secrets: Mapping[str, str]) -> list[str]:
    flags = [word for key, path in secrets.items() for word in ("--secret", f"id={key},src={path}")]
    return [*words[:-1], *flags, words[-1]]


def _run(caller: Caller, op: Operation, call: Call, feed: Iterable[bytes], progress: Progress) -> None:
    output = BuildOutput(progress)
    with caller.running(op, call) as channel:
        feeder = _Feeder(channel, feed) if call.stdin else None
        try:
            while (piece := channel.read()) is not None:
                output.feed(piece[1].decode(errors="replace"))
            output.finish()
            code = channel.wait()
        finally:
            if feeder is not None:
                channel.abort()
                feeder.join()
    if code:
        raise _failed(caller, op, output)


def _failed(caller: Caller, op: Operation, output: BuildOutput) -> DvmError:
    profile = caller.profile
    words = output.reason
    if _NO_BUILDKIT.search(words) and not output.steps:
        return RuntimeUnavailableError(
            f"no BuildKit answers on {profile.platform_name}",
            hint=profile.hints.build,
            platform=profile.platform_name,
            operation=op.name,
            detail=words,
        )
    if not output.steps:
        error = caller.failed(op, words)
        if isinstance(error, RuntimeUnavailableError):
            return error
    return BuildError(
        f"the build failed: {words}",
        hint="Its last lines tell which step; correct that and build again.",
        platform=profile.platform_name,
        operation=op.name,
        detail=words,
        logs="\n".join(output.lines),
    )


class BuildOutput:
    """Reads BuildKit's plain progress, and tells of each step once and of each line that a step writes.

    Args:
        progress: is told.
    """

    def __init__(self, progress: Progress) -> None:
        self.steps: dict[str, str] = {}
        """The number of each step to its name."""
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self._progress = progress
        self._rest = ""
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why it failed: BuildKit's last error, else nerdctl's, else its last line."""
        if self._reason:
            return self._reason
        own = [one.text for one in messages("\n".join(self.lines)) if one.level in ("fatal", "error")]
        return own[-1] if own else (self.lines[-1] if self.lines else "without a word")

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

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        self.lines.append(line)
        if match := re.match(r"(?:error|ERROR): (?:failed to solve: )?(.*)", line):
            self._reason = match[1]
        if match := _STEP.match(line):
            if match[1] not in self.steps:
                self.steps[match[1]] = match[2]
                place = _PLACE.match(match[2])
                done, total = (int(place[1]), int(place[2])) if place else (None, None)
                self._progress(ProgressEvent(step=match[2], current=done, total=total))
        elif (match := _LINE.match(line)) and match[1] in self.steps:
            self._progress(ProgressEvent(step=self.steps[match[1]], message=match[2]))


class _Feeder:
    """Sends what a build needs while its output is read."""

    def __init__(self, channel: Channel, feed: Iterable[bytes]) -> None:
        self._channel = channel
        self._feed = feed
        self._thread = threading.Thread(target=self._run, name="dvm-build", daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            for piece in self._feed:
                self._channel.write(piece)
            self._channel.close_stdin()
        except (AbortedError, TransportError):
            pass  # the build ended or was cut short: its output says which
        except (OSError, DvmError):
            # A file that cannot be read: the build must not go on without it.
            self._channel.abort()
