"""How an error is shown: a line and a hint for people, one JSON document for programs, both on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dvm_runtimes.errors import DvmError, OperationCancelledError

from . import exits
from .invocation import Invocation
from .streams import coloured
from .text import visible, visible_lines

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo


class SeveralFailedError(Exception):
    """Some of what was asked for failed, and the rest was done.

    Args:
        failed: workspace name to what went wrong with it.
        done: those it went well with.
    """

    def __init__(self, failed: Mapping[str, DvmError], done: Sequence[WorkspaceInfo] = ()) -> None:
        super().__init__(f"{len(failed)} failed")
        self.failed = dict(failed)
        self.done = tuple(done)


def report(error: Exception, invocation: Invocation) -> int:
    """Show an error and return the exit code."""
    match error:
        case SeveralFailedError(failed=failed, done=done):
            failed = {name: _in_options(one, invocation) for name, one in failed.items()}
            if invocation.json:
                errors = [{"workspace": name, **one.to_dict()} for name, one in failed.items()]
                _print({"error": errors[0], "errors": errors, "done": [one.to_dict() for one in done]})
            else:
                for one in failed.values():
                    _show(one)
            return exits.code_of(next(iter(failed.values())), invocation.signal)
        case DvmError():
            error = _in_options(error, invocation)
            if not (isinstance(error, OperationCancelledError) and invocation.quiet_cancel):
                if invocation.json:
                    _print({"error": error.to_dict()})
                else:
                    _show(error)
            return exits.code_of(error, invocation.signal)
        case click.UsageError():
            return _usage(error, invocation)
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return _plain("os_error", f"{place}{error.strerror or error}", invocation)
    return _plain(
        "internal_error",
        f"internal error: {type(error).__name__}: {error}",
        invocation,
        hint="This is a defect in dvm. With DVM_DEBUG=1 it shows where.",
    )


def _in_options(error: DvmError, invocation: Invocation) -> DvmError:
    from .option_names import in_options

    return in_options(error, invocation.command, invocation.typed)


def interrupted(invocation: Invocation) -> int:
    """Ctrl-C before there was any work to cancel."""
    if invocation.json:
        _print({"error": _members("cancelled", "interrupted", "")})
    return exits.CANCELLED


def warn(error: DvmError, invocation: Invocation) -> None:
    """Tell of something that went wrong and does not stop the work."""
    if invocation.json:
        _print({"warning": error.to_dict()})
    else:
        print(f"{_mark('warning:', '33')} {visible(str(error))}", file=sys.stderr)


def _show(error: DvmError) -> None:
    lines = [f"{_mark('dvm:', '31')} {visible(error.message)}"]
    if error.detail and visible(error.detail) not in lines[0]:
        lines.append(f"     {visible(error.detail)}")
    if error.logs:
        lines += [f"  {_mark('|', '2')} {line}" for line in visible_lines(error.logs)]
    if error.hint:
        lines.append(f"{_mark('hint:', '36')} {visible(error.hint)}")
    print("\n".join(lines), file=sys.stderr)


def _usage(error: click.UsageError, invocation: Invocation) -> int:
    path = error.ctx.command_path if error.ctx is not None else "dvm"
    hint = f"`{path} --help` shows how it is used."
    if invocation.json:
        _print({"error": _members("usage", error.format_message(), hint)})
    else:
        print(f"{_mark('dvm:', '31')} {error.format_message()}", file=sys.stderr)
        print(f"{_mark('hint:', '36')} {hint}", file=sys.stderr)
    return exits.USAGE


def _plain(kind: str, message: str, invocation: Invocation, hint: str = "") -> int:
    if invocation.json:
        _print({"error": _members(kind, message, hint)})
    else:
        print(f"{_mark('dvm:', '31')} {visible(message)}", file=sys.stderr)
        if hint:
            print(f"{_mark('hint:', '36')} {hint}", file=sys.stderr)
    return exits.FAILED


def _members(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"kind": kind, "message": message, "platform": "", "operation": "", "hint": hint}


def _print(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2), file=sys.stderr)


def _mark(word: str, colour: str) -> str:
    return f"\x1b[{colour}m{word}\x1b[0m" if coloured("stderr") else word
