"""Environment variables on their way into a container: in no process list, and unchanged.

nerdctl reads ``--env-file`` line by line and strips blanks at both ends of each
line (``parseEnvVars`` in its ``pkg/flagutil``). What that would change goes
through nerdctl's own environment instead, with ``--env NAME``: there it is
readable by nobody but nerdctl's user.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dvm_runtimes.errors import InvalidOptionError

LONGEST_LINE = 60_000
"""Bytes: a longer line is refused by the scanner that reads the file."""

LONGEST_VALUE = 128 * 1024 - 1
"""Bytes of one ``NAME=VALUE`` that Linux hands to a process (MAX_ARG_STRLEN, with its end)."""

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Variables that would change how nerdctl, the shell and the loader before it work.
_RESERVED = re.compile(
    r"PATH|HOME|IFS|ENV|BASH_.*|LD_.*|TAR|TERM|TMPDIR|USER|SHELL|PS4|GO.*|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy"
    r"|(NERDCTL|CONTAINERD|BUILDKIT|BUILDCTL|ROOTLESSKIT|DOCKER|CNI|XDG|DBUS|SSH|SSL|SUDO|DVM|IPFS|OTEL)_.*|NETCONFPATH",
)


@dataclass(frozen=True, slots=True)
class Variables:
    """Variables as nerdctl takes them.

    Attributes:
        file: the content of an ``--env-file``; empty for none.
        inherited: variables for nerdctl's own process; each is named with ``--env NAME``.
    """

    file: bytes = b""
    inherited: Mapping[str, str] = field(default_factory=dict)

    def flags(self) -> list[str]:
        """The words that let nerdctl take the inherited ones."""
        return [word for name in self.inherited for word in ("--env", name)]


def variables(env: Mapping[str, str], field_name: str = "env") -> Variables:
    """The two ways for ``env``.

    Raises:
        InvalidOptionError: a value that neither way can carry unchanged; the error names the variable alone.
    """
    lines = []
    inherited = {}
    for name, value in env.items():
        line = f"{name}={value}"
        size = len(line.encode(errors="surrogateescape"))
        if size > LONGEST_VALUE:
            raise InvalidOptionError(
                f"{field_name}[{name!r}]", "...", f"{size} bytes: Linux hands at most {LONGEST_VALUE} to a process"
            )
        if _survives(line) and size <= LONGEST_LINE:
            lines.append(line)
        elif _SHELL_NAME.fullmatch(name) and not _RESERVED.fullmatch(name):
            inherited[name] = value
        else:
            raise InvalidOptionError(
                f"{field_name}[{name!r}]",
                "...",
                "a variable of this name cannot hold line breaks, blanks at its end or more than 60 kB on containerd",
            )
    return Variables("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"), inherited)


def _survives(line: str) -> bool:
    return "\n" not in line and line == line.strip() and not line.startswith("#") and "\r" not in line
