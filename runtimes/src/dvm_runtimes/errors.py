"""Everything that can go wrong, as one tree of errors.

    DvmError
    ├── RuntimeUnavailableError     the engine does not answer
    ├── InvalidOptionError          a value that no engine could take (also a ValueError)
    ├── WorkspaceNotFoundError      no workspace of ours has that name or ID
    ├── WorkspaceNotRunningError    it is there, but stopped, paused or dead
    ├── ImageNotFoundError          neither on the engine nor, where asked, in a registry
    ├── NameConflictError           the name belongs to a container that is not ours
    ├── BuildError                  the image build failed
    ├── ExecError                   the command could not be started at all
    ├── UnsupportedError            this engine cannot do it
    ├── OperationTimeoutError       the time limit passed (also a TimeoutError)
    ├── OperationCancelledError     the caller's cancel event was set
    ├── LocalFileError              a file of this machine cannot be read or written
    └── EngineError                 the engine refused, for a reason of its own
        └── PathNotFoundError       there is nothing at that path in the container

An error is made once, where the facts are known, and says what to do next on
this platform in ``hint``. ``str()`` of each is one readable line. Settings
are named by their Python names in backticks, as in "start with
`on_drift=reuse`"; the ``dvm`` command replaces them by its options.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any


def _one_line(text: str) -> str:
    return " ".join(text.split())


class DvmError(Exception):
    """The base of every error that DVM raises.

    Args:
        message: what went wrong, in one sentence, without a full stop.
        hint: what to do next on this platform, a sentence or a command; may be empty.
        platform: the human name of the platform, as in ``"Docker Engine"``.
        operation: the method that failed, as in ``"start_workspace"``.
        detail: the engine's own words, unchanged.
        logs: the last lines that the container or the build wrote.
    """

    kind = "error"
    """A stable word for programs, the same in Python, JSON and JSON-RPC."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        platform: str = "",
        operation: str = "",
        detail: str = "",
        logs: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.platform = platform
        self.operation = operation
        self.detail = detail
        self.logs = logs

    def __str__(self) -> str:
        text = _one_line(self.message).rstrip(".")
        return f"{text}. {_one_line(self.hint)}" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments do not survive the default pickling, and test
        # runners and process pools do pickle errors.
        return (_restore, (type(self), self.message, dict(self.__dict__)))

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON-ready data: the members of JSON-RPC's ``error.data``."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "message": _one_line(self.message),
            "platform": self.platform,
            "operation": self.operation,
            "hint": self.hint,
        }
        if self.detail:
            data["detail"] = self.detail
        if self.logs:
            data["logs"] = self.logs
        return data


def _restore(cls: type[DvmError], message: str, state: dict[str, Any]) -> DvmError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class RuntimeUnavailableError(DvmError):
    """The engine does not answer: not installed, not started, not permitted, or gone."""

    kind = "runtime_unavailable"


class InvalidOptionError(DvmError, ValueError):
    """A value that no engine could take; raised before any engine is called.

    Args:
        field: the option's name, as in ``"memory"`` or ``"mounts[1].source"``.
        value: what was given. Never a secret: pass the key, not the value, of an environment variable.
        problem: what is wrong with it and what would be right.
    """

    kind = "invalid_option"

    def __init__(self, field: str, value: object, problem: str, *, hint: str = "", operation: str = "") -> None:
        shown = repr(value)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        super().__init__(f"{field}={shown}: {problem}", hint=hint, operation=operation)
        self.field = field
        self.shown = shown
        self.value = value
        self.problem = problem

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "field": self.field}


class WorkspaceNotFoundError(DvmError):
    """No workspace of ours has that ID, container name or workspace name."""

    kind = "workspace_not_found"


class WorkspaceNotRunningError(DvmError):
    """The workspace exists, but it is not running."""

    kind = "workspace_not_running"


class ImageNotFoundError(DvmError):
    """The image is not on the engine and, where pulling was asked for, in no registry that answered."""

    kind = "image_not_found"


class NameConflictError(DvmError):
    """The container name is taken by a container that is not ours, or by another workspace."""

    kind = "name_conflict"


class BuildError(DvmError):
    """The image build failed; ``logs`` has the last lines of its output."""

    kind = "build_failed"


class ExecError(DvmError):
    """The command could not be started at all.

    ``exit_code`` is what a shell would give: 127 for a command that is not
    found, 126 for one that may not be executed.
    """

    kind = "exec_failed"

    def __init__(self, message: str, *, exit_code: int = 126, **facts: str) -> None:
        super().__init__(message, **facts)
        self.exit_code = exit_code


class UnsupportedError(DvmError):
    """This engine cannot do what was asked; see ``ContainerRuntime.capabilities``."""

    kind = "unsupported"


class OperationTimeoutError(DvmError, TimeoutError):
    """The time limit of the call passed; what the call had made was removed."""

    kind = "timeout"


class OperationCancelledError(DvmError):
    """The caller's ``cancel`` event was set; what the call had made was removed."""

    kind = "cancelled"


class LocalFileError(DvmError):
    """A file of this machine that the call needs cannot be read or written; the message names it."""

    kind = "local_file"

    @classmethod
    @contextlib.contextmanager
    def explaining(cls, action: str, path: str | os.PathLike[str], hint: str = "") -> Iterator[None]:
        """Within the block, an `OSError` becomes this error.

        Args:
            action: what is done with the file, as in ``"read"``.
            path: the file, where the system's error names none.
            hint: what to do next.

        >>> with LocalFileError.explaining("read", "notes.txt"):
        ...     raise PermissionError(13, "Permission denied")
        Traceback (most recent call last):
        dvm_runtimes.errors.LocalFileError: notes.txt cannot be read: Permission denied
        """
        past = {"write": "written"}.get(action, action)
        try:
            yield
        except OSError as error:
            name = error.filename if isinstance(error.filename, str | os.PathLike) else path
            reason = error.strerror or str(error)
            raise cls(f"{os.fspath(name)} cannot be {past}: {reason}", hint=hint, detail=str(error)) from error


class EngineError(DvmError):
    """The engine refused or failed for a reason of its own, quoted in ``detail``."""

    kind = "engine_error"


class PathNotFoundError(EngineError):
    """There is no such file or folder in the container."""

    kind = "path_not_found"
