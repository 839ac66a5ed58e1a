"""Errors of the library in terms of the command line: ``--memory`` instead of ``memory``.

The library names fields of its options: in `InvalidOptionError.field`, and in
backticks within messages and hints, as in "start with `on_drift=reuse`".
Each parameter of a command is called like the field that it sets, so the
command's own parameters are the translation table.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence

import click

from dvm_runtimes.errors import DvmError, InvalidOptionError

_ALIASES = {
    "build_context": ("app_path",),
    "gid": ("user",),
    "image_name": ("tags",),
    "mounts": ("volumes",),
    "uid": ("user",),
    "workspace": ("name", "names"),
    "workspace_name": ("name",),
}
"""Fields that a command sets through a parameter of another name."""

_FIELD = re.compile(r"(?P<name>[a-z_]+)(?:\[\d+\])?(?:\['?(?P<key>.*?)'?\])?(?:\.(?P<member>\w+))?")
_QUOTED = re.compile(r"`([a-z_]+)(?:=([\w.-]+))?`")


def in_options(error: DvmError, command: click.Command | None, typed: Sequence[str]) -> DvmError:
    """The error with the options of ``command`` in place of fields; the error itself where it names none.

    Args:
        error: what the library raised; its ``field`` stays the library's, for programs.
        command: the sub-command that ran.
        typed: the command line, which tells ``-p`` from ``--publish``.
    """
    if command is None:
        return error
    found = copy.copy(error)
    if isinstance(error, InvalidOptionError):
        match = _FIELD.fullmatch(error.field)
        option = spelling(match["name"], command, typed) if match else None
        if match and option:
            part = match["member"] or match["key"]
            # As it is typed: `--memory=1k`, `-p 80`, `--mount source=/etc`.
            joint = "=" if part or option.startswith("--") else " "
            value = f"{option} {part}{joint}{error.shown}" if part else f"{option}{joint}{error.shown}"
            found.message = f"{value}: {_translate(error.problem, command, typed)}"
    else:
        found.message = _translate(error.message, command, typed)
    found.hint = _translate(error.hint, command, typed)
    return found


def spelling(field: str, command: click.Command, typed: Sequence[str]) -> str | None:
    """How ``command`` spells a field: the option as it was typed, else its long form; None if it has none.

    >>> from dvm_runtimes.cli.commands.up import command
    >>> spelling("ports", command, ["-p", "80"]), spelling("ports", command, [])
    ('-p', '--publish')
    """
    parameters = {str(parameter.name): parameter for parameter in command.params}
    names = [name for name in (field, *_ALIASES.get(field, ())) if name in parameters]
    spelled = [_as_typed(parameters[name], typed) for name in names]
    if not names:
        return None
    return next((option for option in spelled if option), None) or _usual(parameters[names[0]])


def _as_typed(parameter: click.Parameter, typed: Sequence[str]) -> str | None:
    for argument in typed:
        if argument == "--":
            break
        for option in parameter.opts if isinstance(parameter, click.Option) else ():
            if argument.partition("=")[0] == option or (not option.startswith("--") and argument.startswith(option)):
                return option
    return None


def _usual(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.make_metavar(click.Context(click.Command(None))).strip("[].")


def _translate(text: str, command: click.Command, typed: Sequence[str]) -> str:
    def replace(match: re.Match[str]) -> str:
        option = spelling(match[1], command, typed)
        if option is None:
            return match[0]
        return f"`{option} {match[2]}`" if match[2] else f"`{option}`"

    return _QUOTED.sub(replace, text)
