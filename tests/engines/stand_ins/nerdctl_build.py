"""``nerdctl build`` of the stand-in: Docker's own builder, told of as BuildKit tells of its steps.

Docker's client builds with BuildKit only where a plugin of it is installed, so
the requests are those of DVM's code for Docker.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.engines.stand_ins import buildkit_images

from dvm_runtimes.builds.dockerfile import base_images
from dvm_runtimes.engines.docker_api import Endpoint, connect
from dvm_runtimes.errors import BuildError, DvmError
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

SWITCHES = ("--no-cache", "--pull", "--pull=false")


def build(words: Sequence[str], endpoint: str) -> str | None:
    """Build, telling of it on standard error; what nerdctl's last line says if it failed."""
    given: dict[str, list[str]] = {}
    position = 0
    while position < len(words) - 1:
        flag = words[position]
        given.setdefault(flag, []).append("" if flag in SWITCHES else words[position + 1])
        position += 1 if flag in SWITCHES else 2
    file = Path(given["--file"][0]).absolute()
    args = dict(_pair(arg) for arg in given.get("--build-arg", ()))
    contexts = dict(_pair(one) for one in given.get("--build-context", ()))
    visible = buildkit_images.names()
    for name in base_images(file.read_text(), args):
        if contexts.get(name, name).removeprefix("docker-image://") not in visible:
            print(
                f"ERROR: failed to solve: {name}: failed to resolve source metadata for docker.io/library/{name}:"
                f' failed to do request: Head "https://registry-1.docker.io/v2/library/{name}": dial tcp: lookup'
                " registry-1.docker.io: no such host",
                file=sys.stderr,
            )
            return "unrecognized image format"
    secrets = (re.fullmatch(r"id=(.*),src=(.*)", secret) for secret in given.get("--secret", ()))
    options = BuildOptions(
        image_name=given["--tag"][0],
        tags=given["--tag"][1:],
        build_context=words[-1],
        # From where it is run, not from the context.
        dockerfile=file,
        build_args=args,
        target=given.get("--target", [""])[0],
        no_cache="--no-cache" in given,
        pull="--pull" in given,
        platform=given.get("--platform", [""])[0],
        secrets={match[1]: match[2] for match in secrets if match},
        ssh=tuple(given.get("--ssh", ())),
    )
    labels = dict(_pair(label) for label in given.get("--label", ()))
    folder = os.path.dirname(endpoint.removeprefix("unix://"))
    # Docker's client writes to its folder of settings when it builds: not to the user's own.
    os.environ["DOCKER_CONFIG"] = f"{folder}/client"
    # What is left there when this is killed goes with the engine.
    tempfile.tempdir = folder
    told = Told()
    # What BuildKit tells first, before anything can fail.
    told(ProgressEvent("load build definition from Dockerfile"))
    with connect(Endpoint.parse(endpoint)) as runtime, Operation("build") as op:
        try:
            runtime.engine.build_image(op, options, labels, told)
        except BuildError as error:
            print(f"{error.logs}\nerror: failed to solve: {error.detail or error.message}", file=sys.stderr)
            return "unrecognized image format"
        except DvmError as error:
            return error.message
    return None


class Told:
    """Prints what it is told as BuildKit's plain progress."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, event: ProgressEvent) -> None:
        step = re.sub(r"^Step (\d+/\d+) ?: ", r"[\1] ", event.step)
        if not step.startswith("["):
            step = f"[internal] {step}"
        if step not in self._numbers:
            self._numbers[step] = len(self._numbers) + 1
            print(f"#{self._numbers[step]} {step}", file=sys.stderr, flush=True)
        if event.message:
            print(f"#{self._numbers[step]} 0.1 {event.message}", file=sys.stderr, flush=True)


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value
