"""Networks on which containers reach each other by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from docker.errors import APIError

from dvm_runtimes.errors import NameConflictError
from dvm_runtimes.operation import Operation

from .problems import status_of, words_of

if TYPE_CHECKING:
    from .engine import DockerEngine


def create(engine: DockerEngine, op: Operation, name: str, labels: Mapping[str, str]) -> None:
    """Make a bridge of that name."""
    try:
        # Without the check, moby makes several networks of one name.
        engine.client.create_network(name, driver="bridge", labels=dict(labels), check_duplicate=True)
    except APIError as error:
        if status_of(error) == 409 or "already exists" in words_of(error):
            raise NameConflictError(
                f"there is a network {name!r} already",
                hint="Choose another name.",
                platform=engine.platform_name,
                operation=op.name,
                detail=words_of(error),
            ) from error
        raise


def remove(engine: DockerEngine, name: str) -> None:
    """Remove it; a missing one is no error."""
    try:
        engine.client.remove_network(name)
    except APIError as error:
        if status_of(error) != 404:
            raise
