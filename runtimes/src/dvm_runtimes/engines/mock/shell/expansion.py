"""From words to arguments: parameters, substitutions, arithmetic, splitting and file names."""

from __future__ import annotations

import ast
import fnmatch
import glob
import operator
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from .syntax import Part, Script, ShellError, Word

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

Field = list[tuple[str, bool]]
"""Pieces of one argument: text, and whether it is quoted and so stands for itself in a pattern."""

_MAGIC = re.compile(r"[*?[]")
_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: int(left / right),
    ast.Mod: lambda left, right: left - right * int(left / right),
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Parameters(Protocol):
    """As much of a shell as its words refer to."""

    process: Process
    variables: dict[str, str]
    arguments: list[str]
    options: set[str]

    def value(self, name: str) -> str | None:
        """The value of a variable, an argument or a special parameter; None if it is not set."""

    def substitute(self, script: Script) -> str:
        """What a script writes, without the newlines at its end."""


def arguments(shell: Parameters, words: Iterable[Word]) -> list[str]:
    """All words, split into fields, with file names matched."""
    return [
        argument for word in words for field in _fields(shell, word) for argument in _file_names(shell.process, field)
    ]


def text(shell: Parameters, word: Word) -> str:
    """A word as one text, neither split nor matched: of an assignment or a redirection."""
    return " ".join("".join(piece for piece, _ in field) for field in _fields(shell, word, split=False))


def pattern(shell: Parameters, word: Word) -> str:
    """A word as a pattern of ``fnmatch``; what is quoted in it stands for itself."""
    return " ".join(_pattern(field) for field in _fields(shell, word, split=False))


def _pattern(field: Field) -> str:
    return "".join(glob.escape(piece) if quoted else piece for piece, quoted in field)


def _fields(shell: Parameters, word: Word, *, split: bool = True, default: bool = False) -> list[Field]:
    """The fields of a word; those without any text are kept only if they are quoted.

    Args:
        shell: whose parameters count.
        word: the word.
        split: split unquoted values.
        default: it is the word of ``${NAME:-word}``, whose plain text is split as a value is.
    """
    fields: list[Field] = [[]]
    for part in word:
        if part.kind == "text":
            values = _split(shell, part.text, quoted=part.quoted, split=split and default)
        elif part.kind == "parameter":
            values = _parameter(shell, part, split=split)
        else:
            value = shell.substitute(part.script) if part.script is not None else str(_arithmetic(shell, part.word))
            values = _split(shell, value, quoted=part.quoted, split=split)
        for index, field in enumerate(values):
            fields += [[]] if index else []
            fields[-1] += field
    return [field for field in fields if any(piece or quoted for piece, quoted in field)]


def _split(shell: Parameters, value: str, *, quoted: bool, split: bool) -> list[Field]:
    separators = shell.variables.get("IFS", " \t\n")
    if quoted or not split or not separators:
        return [[(value, quoted)]]
    return [[(piece, False)] for piece in re.split(f"[{re.escape(separators)}]+", value)]


def _parameter(shell: Parameters, part: Part, *, split: bool) -> list[Field]:
    several = part.text in ("@", "*")
    value = None if several else shell.value(part.text)
    values = list(shell.arguments) if several else [] if value is None else [value]
    kind = part.operator[-1:]
    missing = not values or (part.operator.startswith(":") and not any(values))
    if kind and missing == (kind != "+"):
        if kind == "?":
            raise ShellError(f"{part.text}: {text(shell, part.word) or 'parameter not set or null'}")
        if kind == "=":
            shell.variables[part.text] = text(shell, part.word)
        fields = _fields(shell, part.word, split=split and not part.quoted, default=True)
        return fields or [[("", part.quoted)]]
    if kind == "+":
        values = [] if several else [""]
    elif not values and not several:
        if "u" in shell.options:
            raise ShellError(f"{part.text}: parameter not set")
        values = [""]
    elif part.text == "*" and part.quoted:
        values = [" ".join(values)]
    return [field for value in values for field in _split(shell, value, quoted=part.quoted, split=split)]


def _arithmetic(shell: Parameters, word: Word) -> int:
    expression = text(shell, word).strip()
    try:
        return _evaluate(ast.parse(expression or "0", mode="eval").body, shell.variables)
    except (SyntaxError, ValueError, TypeError, KeyError, ZeroDivisionError):
        raise ShellError(f"arithmetic expression that the mock's shell cannot evaluate: {expression!r}") from None


def _evaluate(node: ast.AST, variables: Mapping[str, str]) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return int(variables.get(name) or 0)
        case ast.UnaryOp(op=op, operand=operand):
            return int(_OPERATORS[type(op)](_evaluate(operand, variables)))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return int(_OPERATORS[type(op)](_evaluate(left, variables), _evaluate(right, variables)))
    raise ValueError(node)


def _file_names(process: Process, field: Field) -> list[str]:
    """The paths that a field with a pattern matches, sorted; the field itself if there are none."""
    plain = "".join(piece for piece, _ in field)
    if not any(_MAGIC.search(piece) for piece, quoted in field if not quoted):
        return [plain]
    found = ["/" if plain.startswith("/") else ""]
    for name in filter(None, _pattern(field).split("/")):
        if not _MAGIC.search(name):
            paths = [posixpath.join(base, name) for base in found]
            found = [path for path in paths if _exists(process, path)]
            continue
        found = [
            posixpath.join(base, entry)
            for base in found
            for entry in _entries(process, base or ".")
            if fnmatch.fnmatchcase(entry, name) and (name.startswith(".") or not entry.startswith("."))
        ]
    return sorted(found) or [plain]


def _entries(process: Process, folder: str) -> list[str]:
    try:
        return process.tree.list(folder, process.cwd, process.who)
    except OSError:
        return []


def _exists(process: Process, path: str) -> bool:
    try:
        return process.tree.find(path, process.cwd, process.who).node is not None
    except OSError:
        return False
