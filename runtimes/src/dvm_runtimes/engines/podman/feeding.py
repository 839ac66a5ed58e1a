"""Commands that get an input: something in the container takes what they leave unread. Pure.

A command that ends before it has read its input would lose output. Podman and
``conmon``, which holds the command, speak over a socket of messages: when
``conmon`` closes it with input still in it, the kernel breaks the connection
under Podman, which drops the output that it has not fetched. So a shell stays
around the command, and takes the rest of the input when the command has ended. It says so first, on standard error:
the input of a session may stay open for as long as its command runs, and has to be closed then.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

from dvm_runtimes.engines.base import ExecSpec

SHELL = "/bin/sh"

_SCRIPT = """\
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
code=$?
printf '\\000%s\\000' "$0" >&3
exec 3>&- >/dev/null
cat
exit $code
"""
"""The shell's own message that a command was killed is dropped; the one that it could not be started is kept."""

_SHELL_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def wants(spec: ExecSpec) -> bool:
    """Whether a shell should stay around that command.

    Not on a terminal, whose input has no end. Nor where a shell would drop a
    variable whose name is not a word of its language.
    """
    return spec.stdin and not spec.tty and all(_SHELL_NAME.fullmatch(name) for name in spec.env)


def fed(spec: ExecSpec) -> ExecSpec:
    """The same command, with a shell around it that has a name which nothing else has."""
    return replace(spec, command=(SHELL, "-c", _SCRIPT, f"dvm-{secrets.token_hex(12)}", *spec.command))


def end_mark(name: str) -> bytes:
    """What the shell of that name writes once its command has ended."""
    return f"\0{name}\0".encode()


def name_of(spec: ExecSpec) -> str:
    """How the shell around the command calls itself in what it says; empty where there is none."""
    return spec.command[3] if spec.command[:3] == (SHELL, "-c", _SCRIPT) else ""


def bare(spec: ExecSpec) -> ExecSpec:
    """The command without the shell around it.

    >>> bare(fed(ExecSpec(command=("cat", "-n"), stdin=True))).command
    ('cat', '-n')
    """
    return replace(spec, command=spec.command[4:]) if name_of(spec) else spec
