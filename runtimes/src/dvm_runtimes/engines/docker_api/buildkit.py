"""Building with BuildKit: the engine's own, driven by ``docker buildx`` or by an older ``docker build``.

Clients of BuildKit speak gRPC over connections that the engine hands over;
the command does that, and it is what the engine's makers test. It is told
where this engine is, and nothing of what the user has set up for others.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dvm_runtimes.engines.base import Progress
from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from .build_context import Sources
from .buildkit_progress import Vertexes
from .buildlog import BuildLog
from .buildtools import BuildTool
from .classic import failed
from .forwarder import door_to

if TYPE_CHECKING:
    from .engine import DockerEngine

_ENDS = 5.0
"""Seconds in which the command ends after it was told so; the engine stops its work meanwhile."""

_FOREIGN = re.compile(
    r"DOCKER_(HOST|CONTEXT|TLS.*|CERT_PATH|BUILDKIT|API_VERSION|DEFAULT_PLATFORM)|BUILDX_.*|BUILDKIT_.*"
)
# What the command itself reads: a build argument of such a name must not reach it.
_READ_BY_TOOL = re.compile(
    r"PATH|HOME|USER|SHELL|TMPDIR|PWD|LANG|LC_.*|LD_.*|DOCKER_.*|BUILD.*|SSH_.*|GO.*|XDG_.*|NO_COLOR|TERM|GIT_.*|OTEL_.*"
)


def argv(
    tool: BuildTool, options: BuildOptions, sources: Sources, labels: Mapping[str, str], id_file: Path
) -> list[str]:
    """The command's words; values of build arguments stay out of them wherever they can. Pure."""
    words = [*tool.command, f"--progress={tool.progress}", "--iidfile", str(id_file)]
    words += ["--file", str(sources.dockerfile.resolve())]
    for name in (options.image_name, *options.tags):
        words += ["--tag", name]
    for key, value in labels.items():
        words += ["--label", f"{key}={value}"]
    for key, value in options.build_args.items():
        # Without a value it is taken from the command's environment, which other users cannot read.
        words += ["--build-arg", f"{key}={value}" if _READ_BY_TOOL.fullmatch(key) else key]
    for key, secret in options.secrets.items():
        words += ["--secret", f"id={key},{_csv(f'src={os.path.abspath(secret)}')}"]
    for agent in options.ssh:
        words += ["--ssh", agent]
    flags = {"--no-cache": options.no_cache, "--pull": options.pull}
    words += [flag for flag, wanted in flags.items() if wanted]
    if options.target:
        words += ["--target", options.target]
    if options.platform:
        words += ["--platform", options.platform]
    return [*words, *tool.extra, "--", str(sources.folder.resolve())]


def _csv(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if any(one in field for one in ',"\n') else field


def environment(options: BuildOptions, host: str, settings: Path) -> dict[str, str]:
    """The command's variables.

    Args:
        options: have the build arguments.
        host: where the engine is.
        settings: an empty folder, in which the command finds no builder but the engine's own.
    """
    kept = {key: value for key, value in os.environ.items() if not _FOREIGN.fullmatch(key)}
    arguments = {key: value for key, value in options.build_args.items() if not _READ_BY_TOOL.fullmatch(key)}
    own = {
        "DOCKER_HOST": host,
        "DOCKER_BUILDKIT": "1",
        "BUILDX_CONFIG": str(settings),
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "DOCKER_CLI_HINTS": "false",
        "NO_COLOR": "1",
    }
    return {**kept, **arguments, **own}


def build_with(
    tool: BuildTool,
    engine: DockerEngine,
    op: Operation,
    options: BuildOptions,
    sources: Sources,
    labels: Mapping[str, str],
    progress: Progress,
) -> str:
    """Build and tag an image; its full ID. Aborting ``op`` ends the command and with it the engine's work.

    Raises:
        BuildError: a step failed.
    """
    log = BuildLog(progress, tuple(options.build_args.values()))
    vertexes = Vertexes(log)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dvm-build-")))
        host = stack.enter_context(door_to(engine, folder))
        (folder / "buildx").mkdir()
        process = stack.enter_context(
            _running(
                argv(tool, options, sources, labels, folder / "id"),
                environment(options, host, folder / "buildx"),
                sources.folder,
            )
        )
        output = process.stderr
        assert output is not None
        with op.aborting(lambda: _signal(process, signal.SIGTERM)):
            said = _follow(output, vertexes, raw=tool.progress == "rawjson")
            code = process.wait()
        op.check()
        if code != 0:
            raise _failure(engine, op, vertexes.failure or _last_words(said), log)
        built = (folder / "id").read_text().strip()
    found = engine.inspect_image(op, options.image_name)
    return found.id if found is not None else built


@contextlib.contextmanager
def _running(words: list[str], env: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        words,
        env=dict(env),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for this program, which then ends the build
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
            try:
                process.wait(_ENDS)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # The whole session: credential helpers and ssh are processes too.
    with contextlib.suppress(OSError):
        if process.returncode is None:
            os.killpg(process.pid, number)


def _follow(output: IO[bytes], vertexes: Vertexes, *, raw: bool) -> list[str]:
    """Read the command's messages to their end; the lines that were none."""
    said: list[str] = []
    for line in output:
        text = line.decode(errors="replace").rstrip("\r\n")
        if not (vertexes.take_json(text) if raw else vertexes.take_plain(text)) and text.strip():
            said.append(text.strip())
    vertexes.finish()
    return said


def _last_words(said: list[str]) -> str:
    errors = [line for line in said if line.startswith(("ERROR", "error", "failed"))]
    return (errors or said or ["the builder ended without a reason"])[-1].removeprefix("ERROR: ")


def _failure(engine: DockerEngine, op: Operation, words: str, log: BuildLog) -> DvmError:
    # If the engine is gone, that is what there is to say.
    engine.version(op)
    return failed(engine, op, words, log)
