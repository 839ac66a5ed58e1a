"""Networks on which containers reach each other by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.errors import NameConflictError
from dvm_runtimes.operation import Operation

if TYPE_CHECKING:
    from .engine import DockerEngine


def create(engine: DockerEngine, op: Operation, name: str, labels: Mapping[str, str]) -> None:
    """Make a bridge of that name."""
    try:
        # Without the check, moby makes several networks of one name.
        asked = {"Name": name, "Driver": "bridge", "Labels": dict(labels), "CheckDuplicate": True}
        engine.client.call("POST", "/networks/create", json=asked)
    except ApiError as error:
        if error.status == 409 or "already exists" in error.message:
            raise NameConflictError(
                f"there is a network {name!r} already",
                hint="Choose another name.",
                platform=engine.platform_name,
                operation=op.name,
                detail=error.message,
            ) from error
        raise


def remove(engine: DockerEngine, name: str) -> None:
    """Remove it; a missing one is no error."""
    try:
        engine.client.call("DELETE", "/networks/{}", name)
    except ApiError as error:
        if error.status != 404:
            raise
