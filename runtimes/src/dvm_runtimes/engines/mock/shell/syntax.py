"""Scripts of the mock's shell, parsed: lists, pipelines, ``if``, loops, groups, redirections, and what a word holds.

It is the part of POSIX that commands of tests are made of. Whatever else a
script has is refused by name, with a hint to script the command instead.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class ShellError(Exception):
    """What makes a shell give up its script; ``status`` is its exit code then."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


class IncompleteError(ShellError):
    """The script ends too early: more lines may complete it."""


class LoopControl(Exception):
    """``break`` or ``continue``."""

    def __init__(self, levels: int, *, again: bool) -> None:
        super().__init__(levels)
        self.levels = levels
        self.again = again


class Part(NamedTuple):
    """A part of a word.

    Attributes:
        kind: plain text, ``$NAME``, ``$(script)`` or ``$((expression))``.
        text: the text, the name or the expression.
        quoted: neither split nor matched with file names.
        operator: of ``${NAME:-word}`` and its like.
        word: what comes after the operator, or the expression.
        script: the commands of ``$(...)``.
    """

    kind: Literal["text", "parameter", "command", "arithmetic"]
    text: str = ""
    quoted: bool = False
    operator: str = ""
    word: Word = ()
    script: Script | None = None


Word = tuple[Part, ...]


class Redirect(NamedTuple):
    """``2>file``: the descriptor, the operator (``<``, ``>``, ``>>``, ``<&`` or ``>&``) and its target."""

    number: int
    operator: str
    target: Word


class Simple(NamedTuple):
    """``NAME=value argv >file``."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


class Pipeline(NamedTuple):
    """``! a | b``."""

    commands: tuple[Node, ...]
    negated: bool = False


class AndOr(NamedTuple):
    """``a && b`` or ``a || b``."""

    left: Node
    operator: str
    right: Node


class Background(NamedTuple):
    """``a &``."""

    command: Node


class Script(NamedTuple):
    """Commands one after the other."""

    commands: tuple[Node, ...] = ()


class Group(NamedTuple):
    """A compound command, as in ``{ ...; }`` or ``( ... )``, with its redirections."""

    body: Node
    redirects: tuple[Redirect, ...] = ()
    subshell: bool = False


class If(NamedTuple):
    """``if ...; then ...; elif ...; else ...; fi``."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script


class Loop(NamedTuple):
    """``while`` or, with ``until``, its opposite."""

    condition: Script
    body: Script
    until: bool


class For(NamedTuple):
    """``for name in words``; ``words`` is None where ``in`` was left out."""

    name: str
    words: tuple[Word, ...] | None
    body: Script


class Case(NamedTuple):
    """``case word in pattern | pattern) ... ;; esac``."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Script], ...]


Node = Simple | Pipeline | AndOr | Background | Script | Group | If | Loop | For | Case
