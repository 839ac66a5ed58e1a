"""Report errors on stderr: a line and a hint, or one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dvm_runtimes.errors import DvmError, OperationCancelledError

from . import exit_codes
from .formatting import visible, visible_lines
from .invocation import Invocation
from .standard_streams import coloured

if TYPE_CHECKING:
    from dvm_runtimes.infos import WorkspaceInfo


class BatchError(Exception):
    """An action on several workspaces failed for some of them.

    Args:
        failed: workspace name to error.
        done: the workspaces for which it succeeded.
    """

    def __init__(self, failed: Mapping[str, DvmError], done: Sequence[WorkspaceInfo] = ()) -> None:
        super().__init__(f"{len(failed)} failed")
        self.failed = dict(failed)
        self.done = tuple(done)


def report(error: Exception, invocation: Invocation) -> int:
    """Print an error and return the exit code."""
    match error:
        case BatchError(failed=failed, done=done):
            failed = {name: _in_options(one, invocation) for name, one in failed.items()}
            if invocation.json:
                errors = [{"workspace": name, **one.to_dict()} for name, one in failed.items()]
                _print_json({"error": errors[0], "errors": errors, "done": [one.to_dict() for one in done]})
            else:
                for one in failed.values():
                    _print_error(one)
            return exit_codes.code_of(next(iter(failed.values())), invocation.signal)
        case DvmError():
            error = _in_options(error, invocation)
            if not (isinstance(error, OperationCancelledError) and invocation.quiet_cancel):
                if invocation.json:
                    _print_json({"error": error.to_dict()})
                else:
                    _print_error(error)
            return exit_codes.code_of(error, invocation.signal)
        case click.UsageError():
            return _usage(error, invocation)
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return _plain("os_error", f"{place}{error.strerror or error}", invocation)
    return _plain(
        "internal_error",
        f"internal error: {type(error).__name__}: {error}",
        invocation,
        hint="This is a bug in dvm. DVM_DEBUG=1 shows the traceback.",
    )


def _in_options(error: DvmError, invocation: Invocation) -> DvmError:
    from .option_names import in_options

    return in_options(error, invocation.command, invocation.typed)


def interrupted(invocation: Invocation) -> int:
    """Report Ctrl-C outside of a cancellable operation, and return the exit code."""
    if invocation.json:
        _print_json({"error": _members("cancelled", "interrupted", "")})
    return exit_codes.CANCELLED


def warn(error: DvmError, invocation: Invocation) -> None:
    """Print an error as a warning: the command goes on."""
    if invocation.json:
        _print_json({"warning": error.to_dict()})
    else:
        print(f"{_mark('warning:', '33')} {visible(str(error))}", file=sys.stderr)


def _print_error(error: DvmError) -> None:
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
    hint = f"See `{path} --help`."
    if invocation.json:
        _print_json({"error": _members("usage", error.format_message(), hint)})
    else:
        print(f"{_mark('dvm:', '31')} {error.format_message()}", file=sys.stderr)
        print(f"{_mark('hint:', '36')} {hint}", file=sys.stderr)
    return exit_codes.USAGE


def _plain(kind: str, message: str, invocation: Invocation, hint: str = "") -> int:
    if invocation.json:
        _print_json({"error": _members(kind, message, hint)})
    else:
        print(f"{_mark('dvm:', '31')} {visible(message)}", file=sys.stderr)
        if hint:
            print(f"{_mark('hint:', '36')} {hint}", file=sys.stderr)
    return exit_codes.FAILED


def _members(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"kind": kind, "message": message, "platform": "", "operation": "", "hint": hint}


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2), file=sys.stderr)


def _mark(word: str, colour: str) -> str:
    return f"\x1b[{colour}m{word}\x1b[0m" if coloured("stderr") else word
