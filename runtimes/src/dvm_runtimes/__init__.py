"""Container workspaces behind one interface, on every engine.

>>> from dvm_runtimes import StartOptions, create_runtime
>>> with create_runtime("mock") as runtime:
...     workspace = runtime.start_workspace(StartOptions(image_name="mock:latest", workspace_name="dev"))
...     print(runtime.get_workspace_status(workspace))
running

Names are loaded when they are first used, so that importing this costs next
to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dvm_runtimes.discovery.detection import detect_platform, detect_platforms
    from dvm_runtimes.discovery.factory import create_runtime
    from dvm_runtimes.engines.streams import ExecSession
    from dvm_runtimes.workspaces.watching import WorkspaceWatch

    from .errors import (
        BuildError,
        DvmError,
        EngineError,
        ExecError,
        ImageNotFoundError,
        InvalidOptionError,
        LocalFileError,
        NameConflictError,
        OperationCancelledError,
        OperationTimeoutError,
        RuntimeUnavailableError,
        UnsupportedError,
        WorkspaceNotFoundError,
        WorkspaceNotRunningError,
    )
    from .infos import (
        Capabilities,
        EventKind,
        ExecResult,
        HostPort,
        ImageInfo,
        Platform,
        ProgressEvent,
        StopAllResult,
        WorkspaceEvent,
        WorkspaceInfo,
        WorkspaceStatus,
    )
    from .operation import CancelToken
    from .options import AttachOptions, BuildOptions, ExecOptions, Mount, Port, StartOptions
    from .runtime import ContainerRuntime
    from .terminal import Terminal
    from .waiting import Command, HealthCheck, Http, LogLine, Running, TcpPort, WaitStrategy

_HOMES = {
    "discovery.detection": ("detect_platform", "detect_platforms"),
    "errors": (
        "BuildError",
        "DvmError",
        "EngineError",
        "LocalFileError",
        "ExecError",
        "ImageNotFoundError",
        "InvalidOptionError",
        "NameConflictError",
        "OperationCancelledError",
        "OperationTimeoutError",
        "RuntimeUnavailableError",
        "UnsupportedError",
        "WorkspaceNotFoundError",
        "WorkspaceNotRunningError",
    ),
    "discovery.factory": ("create_runtime",),
    "engines.streams": ("ExecSession",),
    "infos": (
        "Capabilities",
        "EventKind",
        "ExecResult",
        "HostPort",
        "ImageInfo",
        "Platform",
        "ProgressEvent",
        "StopAllResult",
        "WorkspaceEvent",
        "WorkspaceInfo",
        "WorkspaceStatus",
    ),
    "operation": ("CancelToken",),
    "options": ("AttachOptions", "BuildOptions", "ExecOptions", "Mount", "Port", "StartOptions"),
    "runtime": ("ContainerRuntime",),
    "terminal": ("Terminal",),
    "workspaces.watching": ("WorkspaceWatch",),
    "waiting": ("Command", "HealthCheck", "Http", "LogLine", "Running", "TcpPort", "WaitStrategy"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AttachOptions",
    "BuildError",
    "BuildOptions",
    "CancelToken",
    "Capabilities",
    "Command",
    "ContainerRuntime",
    "DvmError",
    "EngineError",
    "EventKind",
    "ExecError",
    "ExecOptions",
    "ExecResult",
    "ExecSession",
    "HealthCheck",
    "HostPort",
    "Http",
    "ImageInfo",
    "ImageNotFoundError",
    "InvalidOptionError",
    "LocalFileError",
    "LogLine",
    "Mount",
    "NameConflictError",
    "OperationCancelledError",
    "OperationTimeoutError",
    "Platform",
    "Port",
    "ProgressEvent",
    "Running",
    "RuntimeUnavailableError",
    "StartOptions",
    "StopAllResult",
    "TcpPort",
    "Terminal",
    "UnsupportedError",
    "WaitStrategy",
    "WorkspaceEvent",
    "WorkspaceInfo",
    "WorkspaceNotFoundError",
    "WorkspaceNotRunningError",
    "WorkspaceStatus",
    "WorkspaceWatch",
    "create_runtime",
    "detect_platform",
    "detect_platforms",
]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
