"""The user's Docker configuration: the credentials that ``docker login`` stored, as the Docker SDK finds them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from dvm_runtimes.operation import Operation


def untagged(name: str) -> str:
    """An image's name without its tag.

    >>> untagged("localhost:5000/app:1")
    'localhost:5000/app'
    """
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def credentials(name: str, op: Operation) -> dict[str, Any]:
    """What the user's Docker configuration knows of the image's registry; empty for nothing."""

    def look() -> dict[str, Any]:
        from docker import auth

        registry, _ = auth.resolve_repository_name(untagged(name.partition("@")[0]))
        return auth.load_config().resolve_authconfig(registry) or {}

    return {key: value for key, value in _ask(look, op).items() if value is not None}


def every_credential(op: Operation) -> dict[str, Any]:
    """All that the user's Docker configuration has, for builds, whose base images may be anywhere."""

    def look() -> dict[str, Any]:
        from docker import auth

        every: dict[str, Any] | None = auth.load_config().get_all_credentials()  # type: ignore[no-untyped-call]
        return every or {}

    return _ask(look, op)


def _ask(look: Callable[[], dict[str, Any]], op: Operation) -> dict[str, Any]:
    """Ask the configuration and its credential helpers. None of it is logged.

    Helpers are programs that may wait for somebody, and the SDK cannot
    interrupt them: they run in a thread that is left behind when time is up.
    """
    result: dict[str, Any] = {}
    done = threading.Event()

    def run() -> None:
        try:
            from docker.errors import DockerException  # slow to load, and needed for nothing else

            try:
                result.update(look())
            except (DockerException, OSError, ValueError):
                pass  # a broken configuration or helper: the registry will say what it needs
        finally:
            done.set()

    threading.Thread(target=run, name="dvm-credentials", daemon=True).start()
    op.wait(done)
    return result
