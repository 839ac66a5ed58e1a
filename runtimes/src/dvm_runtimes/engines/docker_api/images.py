"""`DockerImages`: finds, pulls, lists and removes images over the Docker API."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dvm_runtimes.engines.base import Progress
from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.errors import DvmError, EngineError, ImageNotFoundError
from dvm_runtimes.infos import ImageInfo, ProgressEvent
from dvm_runtimes.operation import Operation

from . import parsing
from .api import DockerApi, step
from .docker_config import credentials, untagged
from .error_mapping import stream_error

_LONGEST_LINE = 16 * 1024 * 1024


class DockerImages(DockerApi):
    """The images of one engine."""

    @step
    def inspect_image(self, op: Operation, name: str) -> ImageInfo | None:
        try:
            return parsing.image(self.client.get("/images/{}/json", name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    @step
    def list_images(self, op: Operation) -> list[ImageInfo]:
        every = (parsing.image(one) for one in self.client.get("/images/json"))
        return [image for image in every if image.tags]

    @step
    def pull_image(self, op: Operation, name: str, platform: str, progress: Progress) -> None:
        repository, tag = reference(name)
        params = {"fromImage": repository, "tag": tag} | ({"platform": platform} if platform else {})
        known = credentials(name, op)
        headers = {"X-Registry-Auth": header_value(known.values)} if known.values else {}
        shown = PullProgress(progress, name)
        try:
            stream = self.stream("POST", "/images/create", params=params, headers=headers)
            for message in messages(self.pieces(op, stream)):
                if failure := stream_error(message):
                    raise self._not_pulled(op, name, failure, known.problem)
                shown.take(message)
        except ApiError as error:
            raise self._not_pulled(op, name, error.message, known.problem) from error

    def _not_pulled(self, op: Operation, name: str, message: str, problem: str) -> DvmError:
        full = self.errors.from_message(0, message, op.name, name)
        if isinstance(full, EngineError) and "disk" in full.message:
            return full
        return self.errors.make(
            ImageNotFoundError,
            f"the image {name!r} could not be pulled: {' '.join(message.split())[:300]}",
            op.name,
            with_problem(problem, self.profile.hints.login),
            message,
        )

    @step
    def remove_image(self, op: Operation, name: str, *, force: bool) -> None:
        try:
            self.client.call("DELETE", "/images/{}", name, params={"force": force})
        except ApiError as error:
            if error.status == 409:
                raise self.errors.make(
                    EngineError,
                    f"the image {name!r} is used by a container",
                    op.name,
                    "Remove the container first, or the image's name with `force`.",
                    error.message,
                ) from error
            raise


def header_value(values: Mapping[str, Any]) -> str:
    """Credentials as the value of a header."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def with_problem(problem: str, hint: str) -> str:
    """A hint, after what is wrong with the user's credentials."""
    return f"{problem[0].upper()}{problem[1:]}. {hint}" if problem else hint


def reference(name: str) -> tuple[str, str]:
    """An image's name as the engine's pull takes it: repository, and tag or digest.

    Without a tag the engine would fetch every one that there is.

    >>> reference("localhost:5000/app"), reference("debian:12")
    (('localhost:5000/app', 'latest'), ('debian', '12'))
    """
    repository, at, digest = name.partition("@")
    if at:
        # The digest alone decides; a tag before it is decoration.
        return untagged(repository), digest
    if ":" in name.rpartition("/")[2]:
        repository, _, tag = name.rpartition(":")
        return repository, tag
    return name, "latest"


def messages(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a progress stream, one a line.

    Raises:
        ValueError: a line is no JSON object.
    """
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.strip():
                yield _object(line)
        if len(rest) > _LONGEST_LINE:
            raise ValueError("a message does not end")
    if rest.strip():
        yield _object(rest)


def _object(line: bytes) -> dict[str, Any]:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("a message is no object")
    return data


class PullProgress:
    """Turns the engine's messages about layers into progress events.

    Args:
        progress: gets them.
        name: the image.
    """

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name

    def take(self, message: dict[str, Any]) -> None:
        """One message of the stream."""
        text = str(message.get("status") or message.get("stream") or "").strip()
        if not text:
            return
        layer = str(message.get("id") or "")
        detail = message.get("progressDetail") or {}
        step = f"{text} layer {layer}" if _is_layer(layer) else f"Pulling {self._name}"
        self._progress(
            ProgressEvent(
                step=step,
                current=_number(detail.get("current")),
                total=_number(detail.get("total")),
                message="" if _is_layer(layer) else text,
            )
        )


def _is_layer(text: str) -> bool:
    return len(text) == 12 and all(character in "0123456789abcdef" for character in text)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
