"""What a shell remembers: variables, arguments, traps, options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

    from .grammar import Node

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ShellProblem(Exception):
    """What makes a shell give up its script: a bad expansion, an unset variable, a wrong use of a builtin."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


class ShellState:
    """One shell's memory.

    Args:
        env: the environment it was started with; all of it is exported.
        pid: what ``$$`` gives, in its subshells too.
    """

    def __init__(self, env: dict[str, str], pid: int) -> None:
        self.pid = pid
        self.variables = dict(env)
        self.exported = set(env)
        self.read_only: set[str] = set()
        self.functions: dict[str, Node] = {}
        self.name = "sh"
        self.arguments: list[str] = []
        self.status = 0
        self.options: set[str] = set()
        self.traps: dict[str, str] = {}
        """Signal's name, or ``EXIT``, to what is done; an empty text ignores it."""
        self.jobs: dict[int, Process] = {}
        self.last_job = 0
        self.loop_depth = 0
        self.untested = 0
        """How deep we are in conditions, where ``set -e`` does not count."""

    def copy(self) -> ShellState:
        """The memory of a subshell: traps are gone but those that ignore, jobs belong to the parent."""
        made = ShellState({}, self.pid)
        made.variables = dict(self.variables)
        made.exported = set(self.exported)
        made.read_only = set(self.read_only)
        made.functions = dict(self.functions)
        made.name, made.arguments = self.name, list(self.arguments)
        made.status = self.status
        made.options = set(self.options)
        made.traps = {name: action for name, action in self.traps.items() if not action}
        made.last_job = self.last_job
        made.loop_depth = self.loop_depth
        made.untested = self.untested
        return made

    def get(self, name: str) -> str | None:
        """A variable's value; None if it is not set."""
        return self.variables.get(name)

    def set(self, name: str, value: str) -> None:
        """Give a variable a value.

        Raises:
            ShellProblem: it may not be changed.
        """
        if name in self.read_only:
            raise ShellProblem(f"{name}: is read only")
        self.variables[name] = value
        if "a" in self.options:
            self.exported.add(name)

    def unset(self, name: str) -> None:
        """Forget a variable."""
        if name in self.read_only:
            raise ShellProblem(f"{name}: is read only")
        self.variables.pop(name, None)
        self.exported.discard(name)

    def environment(self) -> dict[str, str]:
        """What programs get."""
        return {name: value for name, value in self.variables.items() if name in self.exported}


def is_name(text: str) -> bool:
    """Whether ``text`` can be a variable's name."""
    return _NAME.fullmatch(text) is not None
