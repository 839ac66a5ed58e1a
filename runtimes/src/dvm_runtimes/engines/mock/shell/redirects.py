"""Redirections: the open files that a command gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock.handles import OpenFile, open_file
from dvm_runtimes.engines.mock.pipes import Pipe

from .grammar import HereRedirect, Redirect
from .state import ShellProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dvm_runtimes.engines.mock.processes import Process

    from .expansion import Expander

_MODES = {"<": "r", ">": "w", ">|": "w", ">>": "a", "<>": "+"}


def redirected(
    process: Process, expander: Expander, redirects: Iterable[Redirect | HereRedirect]
) -> dict[int, OpenFile]:
    """Copies of the process's open files with ``redirects`` applied, which the caller owns.

    Raises:
        ShellProblem: a file cannot be opened, or a number is not open.
    """
    files = process.copy_files()
    try:
        for redirect in redirects:
            opened = _open(process, expander, files, redirect)
            old = files.pop(redirect.number, None)
            if opened is not None:
                files[redirect.number] = opened
            if old is not None:
                old.release()
    except BaseException:
        release(files)
        raise
    return files


def release(files: dict[int, OpenFile]) -> None:
    """Close all of ``files``."""
    while files:
        files.popitem()[1].release()


def _open(
    process: Process, expander: Expander, files: dict[int, OpenFile], redirect: Redirect | HereRedirect
) -> OpenFile | None:
    if isinstance(redirect, HereRedirect):
        return _document(process, expander.text(redirect.document.text))
    target = expander.text(redirect.target)
    if redirect.operator in ("<&", ">&"):
        if target == "-":
            return None
        if not target.isdecimal() or int(target) not in files:
            raise ShellProblem(f"{target}: bad file descriptor", 1)
        return files[int(target)].retain()
    try:
        return open_file(process, target, _MODES[redirect.operator])
    except OSError as error:
        verb = "open" if redirect.operator == "<" else "create"
        reason = error.strerror if redirect.operator == "<" or error.errno != 2 else "nonexistent directory"
        raise ShellProblem(f"can't {verb} {target}: {reason}", 1) from None


def _document(process: Process, text: str) -> OpenFile:
    pipe = Pipe(process.table.lock)
    # Its whole text waits in the pipe, however long it is: there is no process that could write it.
    pipe.waiting += text.encode(errors="surrogateescape")
    pipe.close_writing()
    return pipe.reader()
