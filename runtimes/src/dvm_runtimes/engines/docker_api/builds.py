"""Builds with the engine's classic builder, and the log and errors that every builder shares."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dvm_runtimes.builds.context import Sources, outside_name, pack_context
from dvm_runtimes.builds.dockerfile import needs_buildkit
from dvm_runtimes.builds.proxies import secret_arguments, with_proxies
from dvm_runtimes.engines.base import Progress
from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.errors import BuildError, DvmError, UnsupportedError
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from .api import DockerApi
from .docker_config import every_credential
from .error_mapping import stream_error
from .images import DockerImages, header_value, messages, with_problem

_KEPT_LINES = 50
_REGISTRY_REFUSED = re.compile("unauthorized|denied|authentication|basic auth|forbidden", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STEP = re.compile(r"(?i)^STEP (\d+)/(\d+) ?: ?(.*)")
# The engine's own remarks on a step: they are no output of it.
_REMARK = re.compile(r"^ ---> |^Removing intermediate container |^--> ")
_BUILT = re.compile(r"^Successfully built ([0-9a-f]{12,64})\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build.

    Attributes:
        text: what it does, as in ``"Step 2/4 : RUN make"``.
        current, total: its number and how many there are, where the builder tells.
    """

    text: str
    current: int | None = None
    total: int | None = None


class BuildLog:
    """Turns a build's output into events: one a step, and one a line that the step writes.

    Args:
        progress: gets them.
        secrets: values that are replaced by ``***``.
    """

    def __init__(self, progress: Progress, secrets: tuple[str, ...] = ()) -> None:
        self._progress = progress
        # The longest first: one may be part of another.
        self._secrets = sorted((value for value in secrets if len(value) >= 3), key=len, reverse=True)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._step = Step("")
        self._rest = ""
        self.credentials_problem = ""
        """What could not be used of the user's credentials; part of the error if a registry then refuses."""

    @property
    def tail(self) -> str:
        """The last lines."""
        self.flush()
        return "\n".join(self._lines)

    @property
    def step(self) -> str:
        """The step that began last."""
        return self._step.text

    def begin(self, step: Step) -> None:
        """A step begins."""
        self.flush()
        self._step = Step(self.clean(step.text), step.current, step.total)
        self._lines.append(self._step.text)
        self._progress(ProgressEvent(self._step.text, step.current, step.total))

    def write(self, text: str) -> None:
        """The step at work wrote something, perhaps not a whole line."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self.line(line)

    def line(self, line: str, step: Step | None = None) -> None:
        """A step wrote a line: the one that began last, where none is given."""
        # A program that overwrites its line means the last state of it.
        shown = self.clean(_COLOUR.sub("", line).rstrip("\r").rpartition("\r")[2].rstrip())
        if shown:
            self._lines.append(shown)
            of = step or self._step
            self._progress(ProgressEvent(self.clean(of.text), of.current, of.total, shown))

    def flush(self) -> None:
        """What was written without an end is a line too."""
        rest, self._rest = self._rest, ""
        if rest:
            self.line(rest)

    def clean(self, text: str) -> str:
        """``text`` without secrets."""
        for value in self._secrets:
            text = text.replace(value, "***")
        return text


def query(options: BuildOptions, labels: Mapping[str, str], dockerfile: str) -> dict[str, Any]:
    """The query of ``POST /build``. Pure."""
    params: dict[str, Any] = {
        "t": [options.image_name, *options.tags],
        "dockerfile": dockerfile,
        "rm": 1,
        "forcerm": 1,
        "version": "1",
        # Podman's parameter for keeping every step; Docker always does.
        "layers": 1,
        "labels": json.dumps(dict(labels)),
    }
    if options.build_args:
        params["buildargs"] = json.dumps(dict(options.build_args))
    if options.target:
        params["target"] = options.target
    if options.no_cache:
        params["nocache"] = 1
    if options.pull:
        params["pull"] = 1
    if options.platform:
        params["platform"] = options.platform
    return params


def build_classic(
    api: DockerImages,
    op: Operation,
    options: BuildOptions,
    sources: Sources,
    labels: Mapping[str, str],
    progress: Progress,
) -> str:
    """Build and tag an image; its full ID. Cutting the connection ends the engine's work.

    Raises:
        BuildError: a step failed.
        UnsupportedError: the build needs BuildKit.
    """
    refuse_unsupported(api, op, options, sources)
    name = sources.inside or outside_name()
    options = with_proxies(options, str(api.address))
    log = BuildLog(progress, secret_arguments(options))
    headers = {"Content-Type": "application/x-tar"}
    with api.calling(op) as scope, api.typed(op, scope):
        known = every_credential(op)
        log.credentials_problem = known.problem
        if known.values:
            headers["X-Registry-Config"] = header_value(known.values)
        try:
            stream = api.stream(
                "POST",
                "/build",
                params=query(options, labels, name),
                headers=headers,
                data=_checked(op, pack_context(sources, name)),
            )
        except ApiError as error:
            raise failed(api, op, error.message, log) from error
        built = ""
        for message in messages(api.pieces(op, stream)):
            if failure := stream_error(message):
                raise failed(api, op, failure, log)
            built = _take(message, log) or built
        log.flush()
        if not built:
            raise failed(api, op, "the builder ended without an image", log)
        image = api.inspect_image(op, built)
        return image.id if image is not None else built


def _checked(op: Operation, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        op.check()
        yield piece


def _take(message: dict[str, Any], log: BuildLog) -> str:
    """Log one message of the stream; the image's ID, if the message has it."""
    aux = message.get("aux")
    if isinstance(aux, dict) and aux.get("ID"):
        return str(aux["ID"])
    if "stream" not in message:
        # Layers of a base image that is being pulled.
        status, layer = str(message.get("status") or ""), str(message.get("id") or "")
        if status and not message.get("progressDetail"):
            log.line(f"{layer}: {status}" if layer else status)
        return ""
    text = str(message["stream"])
    if step := _STEP.match(text):
        log.begin(Step(text.strip(), int(step.group(1)), int(step.group(2))))
    elif built := _BUILT.match(text):
        return built.group(1)
    elif not _REMARK.match(text) and not text.startswith("Successfully tagged"):
        log.write(text)
    return ""


def failed(api: DockerApi, op: Operation, message: str, log: BuildLog) -> DvmError:
    """The error of a build that failed, with its step and last lines."""
    text = log.clean(" ".join(message.split()))
    full = api.errors.from_message(0, text, op.name)
    at = f" at {log.step}" if log.step else ""
    hint = full.hint if "disk of" in full.message else "The last lines of the build say why."
    if _REGISTRY_REFUSED.search(text):
        hint = with_problem(log.credentials_problem, hint)
    return BuildError(
        f"the build failed{at}: {text[:500]}",
        hint=hint,
        platform=api.profile.platform_name,
        operation=op.name,
        detail=text,
        logs=log.tail,
    )


def refuse_unsupported(api: DockerApi, op: Operation, options: BuildOptions, sources: Sources) -> None:
    """Raise an error that names what the classic builder cannot do, before anything is sent."""
    features = needs_buildkit(sources.text)
    if options.secrets:
        features.append("build secrets")
    if options.ssh:
        features.append("SSH agents in builds")
    if features:
        raise UnsupportedError(
            f"the classic builder of {api.profile.platform_name} cannot do {', '.join(features)}",
            hint=api.profile.hints.build,
            platform=api.profile.platform_name,
            operation=op.name,
        )
