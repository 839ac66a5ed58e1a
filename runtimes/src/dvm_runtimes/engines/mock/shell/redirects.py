"""Redirections: the open files that a command gets."""

from __future__ import annotations

from collections.abc import Iterable

from dvm_runtimes.engines.mock.handles import OpenFile, open_file

from . import expansion
from .syntax import Redirect, ShellError

Files = dict[int, OpenFile]
_MODES = {"<": "r", ">": "w", ">>": "a"}


def redirected(shell: expansion.Parameters, redirects: Iterable[Redirect]) -> Files:
    """Copies of the shell's open files with redirections applied, which the caller owns.

    Raises:
        ShellError: a file cannot be opened, or a number is not open.
    """
    files = shell.process.copy_files()
    try:
        for redirect in redirects:
            _redirect(shell, files, redirect)
    except BaseException:
        release(files)
        raise
    return files


def _redirect(shell: expansion.Parameters, files: Files, redirect: Redirect) -> None:
    target = expansion.text(shell, redirect.target)
    if redirect.operator in _MODES:
        try:
            put(files, redirect.number, open_file(shell.process, target, _MODES[redirect.operator]))
        except OSError as error:
            verb = "open" if redirect.operator == "<" else "create"
            raise ShellError(f"can't {verb} {target}: {error.strerror}", 1) from None
    elif target == "-":
        if redirect.number in files:
            files.pop(redirect.number).release()
    elif target.isdecimal() and int(target) in files:
        put(files, redirect.number, files[int(target)].retain())
    else:
        raise ShellError(f"{target}: bad file descriptor", 1)


def put(files: Files, number: int, file: OpenFile) -> None:
    """Let ``number`` stand for ``file``, which is owned by ``files`` from now on."""
    old = files.pop(number, None)
    files[number] = file
    if old is not None:
        old.release()


def release(files: Files) -> None:
    """Close all of ``files``."""
    while files:
        files.popitem()[1].release()
