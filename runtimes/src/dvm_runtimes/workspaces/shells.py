"""The shell that an attach runs, and its environment."""

from __future__ import annotations

import os
import re

from dvm_runtimes.engines.base import ExecSpec
from dvm_runtimes.options import AttachOptions

from .executing import user

SHELLS = ("/bin/zsh", "/bin/bash", "/bin/sh")
"""The shells of a user without a login shell, in the order of preference."""

TERM = "xterm-256color"
COMMON_TERMS = frozenset(
    {
        *("xterm", "xterm-256color", "xterm-color", "screen", "screen-256color", "tmux", "tmux-256color"),
        *("linux", "vt100", "vt220", "rxvt", "rxvt-unicode", "rxvt-unicode-256color", "ansi", "dumb"),
    }
)
"""Terminals that the terminfo database of most images describes."""

# Runs inside, so that it costs no request of its own: replaces a TERM that the image does not describe, then becomes
# the first of these that exists: the shell asked for, the login shell of /etc/passwd, the usual ones.
_START = r"""
kind=$1 login=$2 asked=$3 mine=
shift 3
if [ -n "$kind" ]; then
    known=
    for place in "$HOME/.terminfo" /etc/terminfo /lib/terminfo /usr/share/terminfo /usr/local/share/terminfo; do
        if [ -e "$place/$kind" ]; then known=yes; fi
    done
    if [ -z "$known" ]; then TERM=xterm-256color; export TERM; fi
fi
if [ -z "$asked" ] && [ -r /etc/passwd ]; then
    number=$(id -u 2>/dev/null)
    while IFS=: read -r name password uid gid gecos home shell; do
        if [ "$uid" = "$number" ] && [ -z "$mine" ]; then mine=$shell; fi
    done </etc/passwd
    case $mine in */nologin | */false) mine= ;; esac
fi
for shell in "$asked" "$mine" "$@"; do
    if [ -n "$shell" ] && command -v "$shell" >/dev/null 2>&1; then exec "$shell" $login; fi
done
exec sh $login
"""


def shell_command(options: AttachOptions, term: str = "") -> tuple[str, ...]:
    """The argv to run: the command that was asked for, or what starts the first shell that the image has.

    Args:
        options: the options of the session.
        term: a TERM that the image may not describe; empty for none.
    """
    if options.command is not None:
        return tuple(options.command)
    login = "-l" if options.login_shell else ""
    # The database has a folder for each first letter.
    kind = f"{term[0]}/{term}" if term else ""
    return ("/bin/sh", "-c", _START, "dvm-shell", kind, login, options.shell or "", *SHELLS)


def outer_term() -> str:
    """The TERM of this process's terminal; a common one if it has none."""
    term = os.environ.get("TERM", "")
    return term if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", term) else TERM


def shell_spec(options: AttachOptions, *, tty: bool, size: tuple[int, int]) -> ExecSpec:
    """The exec of a shell session.

    Args:
        options: the options of the session.
        tty: whether it gets a terminal.
        size: rows and columns of the terminal.
    """
    # Without TERM, backspace and completion are broken in most shells.
    env = {"TERM": outer_term()} if tty else {}
    uncertain = "" if "TERM" in options.env or env.get("TERM", TERM) in COMMON_TERMS else env["TERM"]
    if uncertain and options.command is not None:
        env["TERM"] = TERM  # nothing looks into the image before the command runs
    env.update(options.env)
    return ExecSpec(
        command=shell_command(options, uncertain),
        env=env,
        working_dir=options.working_dir or "",
        user=user(options.uid, options.gid),
        tty=tty,
        stdin=True,
        size=size,
    )
