"""Fetching an image with the user's own credentials, which the Docker SDK finds as ``docker login`` left them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dvm_runtimes.engines.base import Progress
from dvm_runtimes.infos import ProgressEvent
from dvm_runtimes.operation import Operation

_LONGEST_LINE = 16 * 1024 * 1024


def reference(name: str) -> tuple[str, str]:
    """An image's name as the engine's pull takes it: repository, and tag or digest.

    Without a tag the engine would fetch every one that there is.

    >>> reference("localhost:5000/app"), reference("debian:12")
    (('localhost:5000/app', 'latest'), ('debian', '12'))
    """
    repository, at, digest = name.partition("@")
    if at:
        # The digest alone decides; a tag before it is decoration.
        return _untagged(repository), digest
    if ":" in name.rpartition("/")[2]:
        repository, _, tag = name.rpartition(":")
        return repository, tag
    return name, "latest"


def _untagged(name: str) -> str:
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def credentials(name: str, op: Operation) -> dict[str, Any]:
    """What the user's Docker configuration knows of the image's registry; empty for nothing."""

    def look() -> dict[str, Any]:
        from docker import auth

        registry, _ = auth.resolve_repository_name(_untagged(name.partition("@")[0]))
        return auth.load_config().resolve_authconfig(registry) or {}

    return {key: value for key, value in _ask(look, op).items() if value is not None}


def every_credential(op: Operation) -> dict[str, Any]:
    """All that the user's Docker configuration has, for builds, whose base images may be anywhere."""

    def look() -> dict[str, Any]:
        from docker import auth

        found: dict[str, Any] | None = auth.load_config().get_all_credentials()  # type: ignore[no-untyped-call]
        return found or {}

    return _ask(look, op)


def _ask(look: Callable[[], dict[str, Any]], op: Operation) -> dict[str, Any]:
    """Ask the configuration and its credential helpers. Nothing of this is logged or shown.

    Helpers are programs that may wait for somebody, and the SDK cannot
    interrupt them: they run in a thread that is left behind when time is up.
    """
    found: dict[str, Any] = {}
    done = threading.Event()

    def run() -> None:
        try:
            from docker.errors import DockerException  # slow to load, and needed for nothing else

            try:
                found.update(look())
            except (DockerException, OSError, ValueError):
                pass  # a broken configuration or helper: the registry will say what it needs
        finally:
            done.set()

    threading.Thread(target=run, name="dvm-credentials", daemon=True).start()
    op.wait(done)
    return found


def messages(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a progress stream, one a line.

    Raises:
        ValueError: it is none.
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
    """Turns the engine's messages on layers into events, one for each change of what is shown.

    Args:
        progress: gets them.
        name: the image.
    """

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name

    def take(self, message: dict[str, Any]) -> None:
        """One message of the stream."""
        said = str(message.get("status") or message.get("stream") or "").strip()
        if not said:
            return
        layer = str(message.get("id") or "")
        detail = message.get("progressDetail") or {}
        step = f"{said} layer {layer}" if _is_layer(layer) else f"Pulling {self._name}"
        self._progress(
            ProgressEvent(
                step=step,
                current=_number(detail.get("current")),
                total=_number(detail.get("total")),
                message="" if _is_layer(layer) else said,
            )
        )


def _is_layer(text: str) -> bool:
    return len(text) == 12 and all(character in "0123456789abcdef" for character in text)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
