"""Which shell an attach runs, and with what environment."""

from __future__ import annotations

import os

from dvm_runtimes.engines.base import ExecSpec
from dvm_runtimes.options import AttachOptions

from .executing import user

SHELLS = ("/bin/zsh", "/bin/bash", "/bin/sh")
"""In the order of preference."""

TERM = "xterm-256color"

# Runs the first shell that is there. Done inside, so that it costs no request of its own.
_FIRST_SHELL = 'for s in "$@"; do if command -v "$s" >/dev/null 2>&1; then exec "$s"%s; fi; done; exec sh%s'


def shell_command(options: AttachOptions) -> tuple[str, ...]:
    """The words to run: the command that was asked for, or the first shell that the image has."""
    if options.command is not None:
        return tuple(options.command)
    login = " -l" if options.login_shell else ""
    wanted = dict.fromkeys([*([options.shell] if options.shell else []), *SHELLS])
    return ("/bin/sh", "-c", _FIRST_SHELL % (login, login), "dvm-shell", *wanted)


def shell_spec(options: AttachOptions, *, tty: bool, size: tuple[int, int]) -> ExecSpec:
    """The exec of a shell session.

    Args:
        options: what was asked for.
        tty: it gets a terminal.
        size: rows and columns of that.
    """
    # Without TERM, backspace and completion are broken in most shells.
    env = {"TERM": os.environ.get("TERM") or TERM} if tty else {}
    env.update(options.env)
    return ExecSpec(
        command=shell_command(options),
        env=env,
        working_dir=options.working_dir or "",
        user=user(options.uid, options.gid),
        tty=tty,
        stdin=True,
        size=size,
    )
