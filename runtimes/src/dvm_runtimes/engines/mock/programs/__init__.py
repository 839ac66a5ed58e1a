"""The programs of the mock's images: each takes its process and its words, and gives its exit code."""

from __future__ import annotations

import importlib

from dvm_runtimes.engines.mock.launching import Program

_HOMES = {
    "conditions": {"test": "test", "[": "test"},
    "files": {name: name for name in ("chmod", "chown", "ls", "mkdir", "rm", "stat", "touch")},
    "formatting": {"printf": "printf"},
    "httpd": {"httpd": "httpd"},
    "system": {
        "env": "env",
        "false": "false",
        "id": "identity",
        "kill": "kill",
        "printenv": "printenv",
        "pwd": "pwd",
        "sleep": "sleep",
        "stty": "stty",
        "true": "true",
        "tty": "tty",
    },
    "text": {name: name for name in ("cat", "echo", "head", "seq", "tail", "wc")},
    "..shell.main": {"sh": "sh"},
}
_HOME_OF = {name: (module, function) for module, names in _HOMES.items() for name, function in names.items()}

NAMES = tuple(sorted(_HOME_OF))
"""Every program that an image of the mock has in ``/bin``."""


def find(name: str) -> Program | None:
    """The program of that name."""
    home = _HOME_OF.get(name)
    if home is None:
        return None
    module, function = home
    path = module if module.startswith(".") else f".{module}"
    program: Program = getattr(importlib.import_module(path, __name__), function)
    return program
