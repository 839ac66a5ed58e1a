"""What a script is made of, once it has been parsed."""

from __future__ import annotations

from dataclasses import dataclass, field

# Words


@dataclass(frozen=True, slots=True)
class Text:
    """Characters as they are; quoted ones are neither split nor patterns."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """``$NAME`` or ``${NAME...}``.

    Attributes:
        name: a variable, a digit, or one of ``@ * # ? $ ! - 0``.
        operator: ``:-``, ``#``, ``%%``, ... or empty; ``length`` for ``${#NAME}``.
        word: what comes after the operator.
        quoted: it stands in double quotes.
    """

    name: str
    operator: str = ""
    word: Word = ()
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Substitution:
    """``$(...)`` or backquotes."""

    script: Script
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``$((...))``."""

    expression: Word
    quoted: bool = False


Part = Text | Parameter | Substitution | Arithmetic
Word = tuple[Part, ...]

# Commands


@dataclass(frozen=True, slots=True)
class Redirect:
    """``2>file`` and its like.

    Attributes:
        number: the descriptor.
        operator: ``<``, ``>``, ``>>``, ``>|``, ``<>``, ``<&``, ``>&`` or ``<<``.
        target: the file, the other descriptor, or the here-document's text.
    """

    number: int
    operator: str
    target: Word


@dataclass(slots=True)
class HereDocument:
    """A here-document whose text comes on the lines after its command."""

    delimiter: str
    literal: bool
    strip_tabs: bool
    text: Word = ()


@dataclass(frozen=True, slots=True)
class Command:
    """``A=1 name words >file``."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect | HereRedirect, ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class HereRedirect:
    """``<<EOF``: its document is filled in when the line has ended."""

    number: int
    document: HereDocument


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``! a | b``."""

    commands: tuple[Node, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AndOr:
    """``a && b`` or ``a || b``."""

    left: Node
    operator: str
    right: Node


@dataclass(frozen=True, slots=True)
class Background:
    """``a &``."""

    command: Node


@dataclass(frozen=True, slots=True)
class Script:
    """Commands one after the other."""

    commands: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Subshell:
    """``( ... )``."""

    body: Script


@dataclass(frozen=True, slots=True)
class If:
    """``if ...; then ...; elif ...; else ...; fi``."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script | None


@dataclass(frozen=True, slots=True)
class Loop:
    """``while`` or, with ``until``, its opposite."""

    condition: Script
    body: Script
    until: bool = False


@dataclass(frozen=True, slots=True)
class For:
    """``for name in words``; ``words`` is None where ``in`` was left out."""

    name: str
    words: tuple[Word, ...] | None
    body: Script


@dataclass(frozen=True, slots=True)
class Case:
    """``case word in pattern) ... ;; esac``."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Script], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """``name() { ...; }``."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections behind it."""

    command: Node
    redirects: tuple[Redirect | HereRedirect, ...] = field(default=())


Node = Command | Pipeline | AndOr | Background | Script | Subshell | If | Loop | For | Case | Function | Redirected
