"""Building with the engine's own classic builder, over the API: what every engine has."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dvm_runtimes.engines.base import Progress
from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.errors import BuildError, DvmError, RuntimeUnavailableError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from .build_context import Sources, outside_name, pack_context
from .buildlog import BuildLog, Step
from .error_mapping import stream_error
from .pull import every_credential, messages

if TYPE_CHECKING:
    from .engine import DockerEngine

_STEP = re.compile(r"(?i)^STEP (\d+)/(\d+) ?: ?(.*)")
# The engine's own remarks on a step: they are no output of it.
_REMARK = re.compile(r"^ ---> |^Removing intermediate container |^--> ")
_BUILT = re.compile(r"^Successfully built ([0-9a-f]{12,64})\s*$")


def query(options: BuildOptions, labels: Mapping[str, str], dockerfile: str) -> dict[str, Any]:
    """The query of ``POST /build``. Pure."""
    params: dict[str, Any] = {
        "t": [options.image_name, *options.tags],
        "dockerfile": dockerfile,
        "rm": 1,
        "forcerm": 1,
        "version": "1",
        # Podman's word for keeping every step; Docker always does.
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
    engine: DockerEngine,
    op: Operation,
    options: BuildOptions,
    sources: Sources,
    labels: Mapping[str, str],
    progress: Progress,
) -> str:
    """Build and tag an image; its full ID. Cutting the connection ends the engine's work.

    Raises:
        BuildError: a step failed.
    """
    name = sources.inside or outside_name()
    log = BuildLog(progress, tuple(options.build_args.values()))
    headers = {"Content-Type": "application/x-tar"}
    with engine.calling(op) as scope, engine.typed(op, scope):
        if known := every_credential(op):
            headers["X-Registry-Config"] = base64.urlsafe_b64encode(json.dumps(known).encode()).decode()
        try:
            stream = engine.stream(
                "POST",
                "/build",
                params=query(options, labels, name),
                headers=headers,
                data=_checked(op, pack_context(sources, name)),
            )
        except ApiError as error:
            raise failed(engine, op, error.message, log) from error
        built = ""
        for message in messages(engine.pieces(op, stream)):
            if said := stream_error(message):
                raise failed(engine, op, said, log)
            built = _take(message, log) or built
        log.flush()
        if not built:
            raise failed(engine, op, "the builder ended without an image", log)
        found = engine.inspect_image(op, built)
        return found.id if found is not None else built


def _checked(op: Operation, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        op.check()
        yield piece


def _take(message: dict[str, Any], log: BuildLog) -> str:
    """One message of the stream; the image's ID, where it tells that."""
    aux = message.get("aux")
    if isinstance(aux, dict) and aux.get("ID"):
        return str(aux["ID"])
    if "stream" not in message:
        # Layers of a base image that is being pulled.
        said, layer = str(message.get("status") or ""), str(message.get("id") or "")
        if said and not message.get("progressDetail"):
            log.line(f"{layer}: {said}" if layer else said)
        return ""
    text = str(message["stream"])
    if step := _STEP.match(text):
        log.begin(Step(text.strip(), int(step.group(1)), int(step.group(2))))
    elif built := _BUILT.match(text):
        return built.group(1)
    elif not _REMARK.match(text) and not text.startswith("Successfully tagged"):
        log.write(text)
    return ""


def failed(engine: DockerEngine, op: Operation, words: str, log: BuildLog) -> DvmError:
    """The error of a build that failed, with its step and last lines."""
    said = log.clean(" ".join(words.split()))
    full = engine.problems.explain(0, said, op.name)
    if isinstance(full, RuntimeUnavailableError):
        return full
    at = f" at {log.step}" if log.step else ""
    hint = full.hint if "disk of" in full.message else "The last lines of the build tell why."
    return BuildError(
        f"the build failed{at}: {said[:500]}",
        hint=hint,
        platform=engine.platform_name,
        operation=op.name,
        detail=said,
        logs=log.tail,
    )
