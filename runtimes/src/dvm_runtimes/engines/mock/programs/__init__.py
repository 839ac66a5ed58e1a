"""The programs of the mock's images: each takes its process and its argv, and gives its exit code."""

from __future__ import annotations

import functools
import getopt
import importlib
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock.launching import Program

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_MODULES = {
    ".files": ("cat", "chmod", "chown", "head", "ls", "mkdir", "rm", "stat", "tail", "touch", "wc"),
    ".httpd": ("httpd",),
    ".system": ("env", "false", "id", "kill", "printenv", "pwd", "sleep", "stty", "true"),
    ".text": ("[", "echo", "printf", "seq", "test"),
    "..shell.main": ("sh",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_FUNCTIONS = {"[": "test", "id": "identity"}

NAMES = tuple(sorted(_MODULE_OF))
"""Every program that an image of the mock has in ``/bin``."""


class UsageError(Exception):
    """A program was called with wrong arguments."""


def find(name: str) -> Program | None:
    """The program of that name."""
    if name not in _MODULE_OF:
        return None
    module = importlib.import_module(_MODULE_OF[name], __name__)
    return functools.partial(_run, getattr(module, _FUNCTIONS.get(name, name)))


def _run(program: Program, process: Process, argv: list[str]) -> int:
    try:
        return program(process, argv)
    except UsageError as error:
        return fail(process, argv, str(error))
    except getopt.GetoptError as error:
        return fail(process, argv, f"{error}, or one that the mock does not have")
    except OSError as error:
        return fail(process, argv, f"{error.filename or 'write error'}: {error.strerror}")


def fail(process: Process, argv: list[str], message: str, status: int = 1) -> int:
    """Write what is wrong to standard error; the exit code."""
    process.say(f"{argv[0].rpartition('/')[2]}: {message}")
    return status


def operands(paths: list[str]) -> list[str]:
    """The operands of a program that needs at least one.

    Raises:
        UsageError: there are none.
    """
    if not paths:
        raise UsageError("missing operand")
    return paths
