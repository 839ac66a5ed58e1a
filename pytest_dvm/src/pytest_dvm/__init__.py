"""Container workspaces as pytest fixtures, on every engine.

The fixtures need no import. These names are for type annotations, and are
imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .async_workspace import AsyncTerminal, AsyncWorkspace
    from .factory import AsyncWorkspaceFactory, WorkspaceFactory
    from .workspace import Workspace

_HOME_OF = {
    "AsyncTerminal": "async_workspace",
    "AsyncWorkspace": "async_workspace",
    "AsyncWorkspaceFactory": "factory",
    "Workspace": "workspace",
    "WorkspaceFactory": "factory",
}

__all__ = ["AsyncTerminal", "AsyncWorkspace", "AsyncWorkspaceFactory", "Workspace", "WorkspaceFactory"]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
