"""The context: the active app and workspace, which commands use when none is given.

One JSON file per user. Writers replace it under a lock, so that readers see
the old or the new state and no change is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dvm_runtimes.errors import DvmError, InvalidOptionError
from dvm_runtimes.validation.naming import check_part

from .folders import state_folder
from .locking import TIMEOUT, locked

APP_VARIABLE = "DVM_APP"
WORKSPACE_VARIABLE = "DVM_WORKSPACE"
LOCK_TIMEOUT = TIMEOUT


@dataclass(frozen=True, slots=True)
class Context:
    """The active app and workspace; empty if there is none."""

    app: str = ""
    workspace: str = ""

    def __post_init__(self) -> None:
        check_part(self.app, "app")
        check_part(self.workspace, "workspace")

    def to_dict(self) -> dict[str, str]:
        """The context as JSON-ready data."""
        return asdict(self)


def context_file() -> Path:
    """The path of the context file, as in ``~/.local/state/dvm/context.json``."""
    return state_folder() / "context.json"


def load_context(file: Path | None = None, env: Mapping[str, str] | None = None) -> Context:
    """The active context: ``DVM_APP`` and ``DVM_WORKSPACE`` if set, else what was saved.

    A saved workspace belongs to its saved app, and is ignored if ``DVM_APP``
    names another one.

    Raises:
        InvalidOptionError: the file is damaged.
    """
    variables = os.environ if env is None else env
    app, workspace = variables.get(APP_VARIABLE, ""), variables.get(WORKSPACE_VARIABLE, "")
    if app and workspace:
        return Context(app, workspace)
    saved = load_saved_context(file)
    if app and app != saved.app:
        return Context(app, workspace)
    return Context(app or saved.app, workspace or saved.workspace)


def load_saved_context(file: Path | None = None) -> Context:
    """The saved context, without the environment; empty if there is no file.

    Raises:
        InvalidOptionError: the file is damaged.
    """
    file = file or context_file()
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Context()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(file, f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _damaged(file, f"is not JSON: {error}") from None
    if not isinstance(data, dict) or not all(isinstance(data.get(key, ""), str) for key in ("app", "workspace")):
        raise _damaged(file, "does not hold a context")
    try:
        return Context(data.get("app", ""), data.get("workspace", ""))
    except InvalidOptionError as error:
        raise _damaged(file, str(error)) from None


def save_context(context: Context, file: Path | None = None) -> None:
    """Save the active app and workspace; replaces a damaged file.

    Raises:
        DvmError: it cannot be written.
    """
    file = file or context_file()
    with _writing(file):
        _replace(file, context)


def update_context(*, app: str | None = None, workspace: str | None = None, file: Path | None = None) -> Context:
    """Change the saved app, workspace or both, and return the new context.

    Changing the app clears the workspace, unless one is given.

    Args:
        app, workspace: the new value; empty to clear it, None to keep it.
        file: the context file; default the user's.

    Raises:
        InvalidOptionError: the name is not valid, or the file is damaged.
        DvmError: it cannot be written.
    """
    file = file or context_file()
    with _writing(file):
        before = load_saved_context(file)
        kept = before.workspace if app is None or app == before.app else ""
        after = Context(before.app if app is None else app, kept if workspace is None else workspace)
        if after != before or not file.exists():
            _replace(file, after)
    return after


def _replace(file: Path, context: Context) -> None:
    # In the same folder: a rename must stay within one file system.
    number, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    new = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            json.dump(context.to_dict(), stream, indent=2)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Keep other processes from writing the file within the block."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A separate file, since the context file is replaced and a lock would stay on the old one.
        with locked(file.with_name(f"{file.name}.lock"), LOCK_TIMEOUT):
            yield
    except OSError as error:
        raise DvmError(
            f"the context cannot be written to {file}: {error.strerror or error}",
            hint="Check who owns that folder and whether its disk is full.",
        ) from error


def _damaged(file: Path, problem: str) -> InvalidOptionError:
    return InvalidOptionError(
        "context file", str(file), problem, hint="`dvm context clear` replaces it; it holds nothing else."
    )
