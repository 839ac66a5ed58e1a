"""Builds with the engine's own BuildKit, by ``docker buildx`` or an older ``docker build``.

Clients of BuildKit speak gRPC over connections that the engine hands over;
the command does that, and it is what the engine's developers test. It gets
the address of this engine, and none of the user's settings for other builders.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dvm_runtimes.builds.context import Sources
from dvm_runtimes.builds.proxies import in_both_cases
from dvm_runtimes.engines.base import Progress
from dvm_runtimes.errors import DvmError, LocalFileError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.user.home import home_folder

from .api import DockerApi
from .buildkit_progress import Vertexes
from .builds import BuildLog, failed
from .forwarder import forwarded
from .images import DockerImages

_ENDS = 5.0
"""Seconds in which the command ends after SIGTERM; the engine stops its work meanwhile."""

_FOREIGN = re.compile(
    r"DOCKER_(HOST|CONTEXT|TLS.*|CERT_PATH|BUILDKIT|API_VERSION|DEFAULT_PLATFORM)|BUILDX_.*|BUILDKIT_.*"
)
# What the command itself reads: a build argument of such a name must not reach it.
_READ_BY_TOOL = re.compile(
    r"PATH|HOME|USER|SHELL|TMPDIR|PWD|LANG|LC_.*|LD_.*|DOCKER_.*|BUILD.*|SSH_.*|GO.*|XDG_.*|NO_COLOR|TERM|GIT_.*|OTEL_.*"
)
_ASK_LIMIT = 10.0

# Where Docker's own command looks for its plugins, after the user's folder.
_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
    "/Applications/Docker.app/Contents/Resources/cli-plugins",
    "/Applications/OrbStack.app/Contents/MacOS/xbin",
)
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)")

RAW_SINCE = (0, 13)
"""The first version of buildx that writes its progress as JSON."""


@dataclass(frozen=True, slots=True)
class BuildTool:
    """A command that builds with BuildKit.

    Attributes:
        command: the beginning of its argv.
        progress: the format of its progress: ``"rawjson"`` or ``"plain"``.
        extra: options that only it has.
    """

    command: tuple[str, ...]
    progress: str
    extra: tuple[str, ...] = ()


def find_tool() -> BuildTool | None:
    """The best one on this machine; None where there is none.

    buildx works without Docker's command. Before version 23, that command
    had BuildKit's client within.
    """
    config = os.environ.get("DOCKER_CONFIG") or str(home_folder() / ".docker")
    for folder in (f"{config}/cli-plugins", *_PLUGIN_FOLDERS):
        plugin = Path(folder) / "docker-buildx"
        if os.access(plugin, os.X_OK) and (tool := _buildx(str(plugin))):
            return tool
    for name in ("docker-buildx", "buildx"):
        if (program := shutil.which(name)) and (tool := _buildx(program)):
            return tool
    docker = shutil.which("docker")
    if docker is not None and (18, 9) <= _version(docker, "--version") < (23, 0):
        return BuildTool((docker, "build"), "plain")
    return None


def _buildx(program: str) -> BuildTool | None:
    version = _version(program, "version")
    if version <= (0, 0):
        return None
    progress = "rawjson" if version >= RAW_SINCE else "plain"
    return BuildTool((program, "build", "--builder", "default"), progress, ("--load",))


@functools.lru_cache(maxsize=16)
def _version(program: str, argument: str) -> tuple[int, int]:
    """The version that a program prints; (0, 0) if it prints none."""
    try:
        done = subprocess.run([program, argument], capture_output=True, text=True, timeout=_ASK_LIMIT, check=True)
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = _VERSION.search(done.stdout)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def argv(
    tool: BuildTool, options: BuildOptions, sources: Sources, labels: Mapping[str, str], id_file: Path
) -> list[str]:
    """The command's argv; values of build arguments stay out of it wherever they can. Pure."""
    args = [*tool.command, f"--progress={tool.progress}", "--iidfile", str(id_file)]
    args += ["--file", str(sources.dockerfile.resolve())]
    for name in (options.image_name, *options.tags):
        args += ["--tag", name]
    for key, value in labels.items():
        args += ["--label", f"{key}={value}"]
    for key, value in options.build_args.items():
        # Without a value it is taken from the command's environment, which other users cannot read.
        args += ["--build-arg", f"{key}={value}" if _READ_BY_TOOL.fullmatch(key) else key]
    for key, secret in options.secrets.items():
        args += ["--secret", f"id={key},{_csv(f'src={os.path.abspath(secret)}')}"]
    for agent in options.ssh:
        args += ["--ssh", agent]
    flags = {"--no-cache": options.no_cache, "--pull": options.pull}
    args += [flag for flag, is_set in flags.items() if is_set]
    if options.target:
        args += ["--target", options.target]
    if options.platform:
        args += ["--platform", options.platform]
    return [*args, *tool.extra, "--", str(sources.folder.resolve())]


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
    api: DockerImages,
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
    options = in_both_cases(options)  # the tool adds those of Docker's configuration itself
    log = BuildLog(progress, tuple(options.build_args.values()))
    vertexes = Vertexes(log)
    with LocalFileError.explaining("used", sources.folder), contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dvm-build-")))
        host = stack.enter_context(forwarded(api, folder))
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
            lines = _follow(output, vertexes, raw=tool.progress == "rawjson")
            code = process.wait()
        op.check()
        if code != 0:
            raise _failure(api, op, vertexes.failure or _last_error(lines), log)
        built = (folder / "id").read_text().strip()
    image = api.inspect_image(op, options.image_name)
    return image.id if image is not None else built


@contextlib.contextmanager
def _running(args: list[str], env: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        args,
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
    """Read the command's progress messages to their end; the lines that were no messages."""
    others: list[str] = []
    for line in output:
        text = line.decode(errors="replace").rstrip("\r\n")
        if not (vertexes.take_json(text) if raw else vertexes.take_plain(text)) and text.strip():
            others.append(text.strip())
    vertexes.finish()
    return others


def _last_error(lines: list[str]) -> str:
    errors = [line for line in lines if line.startswith(("ERROR", "error", "failed"))]
    return (errors or lines or ["the builder ended without a reason"])[-1].removeprefix("ERROR: ")


def _failure(api: DockerApi, op: Operation, message: str, log: BuildLog) -> DvmError:
    # If the engine is gone, that is the error.
    with api.calling(op) as scope, api.typed(op, scope):
        api.client.ping()
    return failed(api, op, message, log)
