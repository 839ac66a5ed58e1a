"""Environment variables of a workspace: what a key may be, and env files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dvm_runtimes.errors import InvalidOptionError

from .text import is_text

RESERVED = "DVM_"
"""Variables that DVM sets itself, as ``DVM_APP`` and ``DVM_WORKSPACE``."""


def check_env(env: Mapping[str, str], field: str = "env") -> None:
    """Refuse keys and values that cannot be handed to a process.

    Errors name the key and never show the value, which may be a secret.

    Raises:
        InvalidOptionError: an empty key, ``=`` or blanks in a key, NUL, a value that is no string, or our prefix.
    """
    for key, value in env.items():
        if not isinstance(key, str) or not key or "=" in key or not key.isprintable() or " " in key:
            raise InvalidOptionError(field, key, "a variable's name is one word without '='")
        if key.startswith(RESERVED):
            raise InvalidOptionError(field, key, f"names that begin with {RESERVED} are DVM's own")
        if not isinstance(value, str):
            raise InvalidOptionError(f"{field}[{key!r}]", type(value).__name__, "a variable's value must be a string")
        if not is_text(value):
            raise InvalidOptionError(f"{field}[{key!r}]", "...", "the value holds NUL, or is no valid Unicode")


def read_env_file(path: str | os.PathLike[str], field: str = "env_file") -> dict[str, str]:
    """The variables of a file of ``KEY=VALUE`` lines, as ``docker run --env-file`` reads it.

    Blank lines and lines that begin with ``#`` are left out. A line that is
    only a name takes its value from this process's environment, if it is set.
    Values are taken word for word: quotes are part of them.

    Raises:
        InvalidOptionError: no such file, not UTF-8, or a line that is none of these; the line's number is named.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InvalidOptionError(field, os.fspath(path), f"cannot be read: {reason}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, assigned, value = line.lstrip().partition("=")
        if not key or " " in key.strip() or not key.isprintable():
            raise InvalidOptionError(field, f"{os.fspath(path)}:{number}", "the line is not KEY=VALUE")
        if assigned:
            found[key] = value
        elif key.strip() in os.environ:
            found[key.strip()] = os.environ[key.strip()]
    check_env(found, field)
    return found


def check_env_like(values: Mapping[str, str], field_name: str) -> None:
    """Refuse build arguments without a name or with a value that is no string; values are not shown."""
    for key, value in values.items():
        if not isinstance(key, str) or not key or "=" in key or not key.isprintable():
            raise InvalidOptionError(field_name, key, "a name is one word without '='")
        if not is_text(value):
            raise InvalidOptionError(
                f"{field_name}[{key!r}]", "...", "the value must be a string of valid Unicode without NUL"
            )
