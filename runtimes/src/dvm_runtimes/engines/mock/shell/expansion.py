"""From words to arguments: parameters, substitutions, splitting, file names (POSIX, XCU 2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from . import patterns
from .arithmetic import ArithmeticProblem, evaluate
from .grammar import Arithmetic, Parameter, Part, Script, Substitution, Text, Word
from .patterns import Piece
from .state import ShellProblem, ShellState

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_DEFAULT_IFS = " \t\n"


class Expander:
    """Expands the words of one shell.

    Args:
        state: its variables.
        process: whose files are matched by patterns.
        substitute: runs a script and gives what it wrote.
    """

    def __init__(self, state: ShellState, process: Process, substitute: Callable[[Script], str]) -> None:
        self._state = state
        self._process = process
        self._substitute = substitute

    def arguments(self, words: Iterable[Word]) -> list[str]:
        """All words, split into fields, with file names matched."""
        found = []
        for word in words:
            for field in self._fields(word):
                found.extend(self._matched(field))
        return found

    def text(self, word: Word) -> str:
        """A word as one text, neither split nor matched: of an assignment, a redirection, a ``case``."""
        return "".join(text for text, _ in self.pieces(word))

    def pieces(self, word: Word) -> list[Piece]:
        """A word as one field; what is quoted in it stands for itself in a pattern."""
        fields = _Fields("")
        for part in word:
            self._add(fields, part)
        joined: list[Piece] = []
        for index, field in enumerate(fields.finish()):
            joined.extend([(" ", True)] if index else [])
            joined.extend(field)
        return joined

    # Fields

    def _fields(self, word: Word) -> list[list[Piece]]:
        ifs = self._state.get("IFS")
        fields = _Fields(_DEFAULT_IFS if ifs is None else ifs)
        for part in word:
            self._add(fields, part)
        return fields.finish()

    def _add(self, fields: _Fields, part: Part) -> None:
        if isinstance(part, Text):
            fields.literal(part.text, quoted=part.quoted)
        elif isinstance(part, Parameter):
            self._parameter(fields, part)
        elif isinstance(part, Substitution):
            fields.value(self._substitute(part.script), quoted=part.quoted)
        else:
            fields.value(str(self._arithmetic(part)), quoted=part.quoted)

    def _arithmetic(self, part: Arithmetic) -> int:
        try:
            return evaluate(self.text(part.expression), self._number, self._state.set)
        except ArithmeticProblem as error:
            raise ShellProblem(str(error)) from None

    def _number(self, name: str) -> str:
        value = self._state.get(name)
        if value is None and "u" in self._state.options:
            raise ShellProblem(f"{name}: parameter not set")
        return value or ""

    def _matched(self, field: list[Piece]) -> list[str]:
        text = "".join(piece for piece, _ in field)
        if "f" in self._state.options or not patterns.has_magic(field):
            return [text]
        return patterns.expand(field, self._names, self._exists) or [text]

    def _names(self, folder: str) -> list[str]:
        try:
            return self._process.tree.list(folder or ".", self._process.cwd, self._process.who)
        except OSError:
            return []

    def _exists(self, path: str) -> bool:
        try:
            return self._process.tree.find(path, self._process.cwd, self._process.who).node is not None
        except OSError:
            return False

    # Parameters

    def _parameter(self, fields: _Fields, part: Parameter) -> None:
        if part.name in "@*" and part.operator in ("", ":-", "-", ":+", "+"):
            self._all_arguments(fields, part)
            return
        value = self._value(part.name)
        operator = part.operator
        if operator == "length":
            fields.value(str(len(self._checked(part.name, value))), quoted=part.quoted)
        elif operator == "":
            fields.value(self._checked(part.name, value), quoted=part.quoted)
        elif operator in ("%", "%%", "#", "##"):
            fields.value(self._trimmed(self._checked(part.name, value), operator, part.word), quoted=part.quoted)
        else:
            missing = value is None or (operator.startswith(":") and value == "")
            self._conditional(fields, part, operator[-1], value, missing=missing)

    def _conditional(self, fields: _Fields, part: Parameter, kind: str, value: str | None, *, missing: bool) -> None:
        if kind == "+":
            if not missing:
                self._word(fields, part)
            elif part.quoted:
                fields.literal("", quoted=True)
        elif not missing:
            fields.value(value or "", quoted=part.quoted)
        elif kind == "-":
            self._word(fields, part)
        elif kind == "=":
            if not (part.name[0].isalpha() or part.name[0] == "_"):
                raise ShellProblem(f"{part.name}: cannot be assigned")
            text = self.text(part.word)
            self._state.set(part.name, text)
            fields.value(text, quoted=part.quoted)
        else:
            raise ShellProblem(f"{part.name}: {self.text(part.word) or 'parameter not set or null'}")

    def _word(self, fields: _Fields, part: Parameter) -> None:
        for inner in part.word:
            if isinstance(inner, Text) and not inner.quoted and not part.quoted:
                fields.value(inner.text, quoted=False)  # split, as the value in whose place it stands
            else:
                self._add(fields, inner)
        if part.quoted:
            fields.literal("", quoted=True)

    def _all_arguments(self, fields: _Fields, part: Parameter) -> None:
        arguments = self._state.arguments
        if part.operator:
            missing = not arguments or (part.operator.startswith(":") and not any(arguments))
            if missing == part.operator.endswith("-"):
                self._word(fields, part)
                return
            if missing:
                return
        if part.quoted and part.name == "*":
            ifs = self._state.get("IFS")
            separator = " " if ifs is None else ifs[:1]
            fields.value(separator.join(arguments), quoted=True)
            return
        for index, argument in enumerate(arguments):
            if index:
                fields.cut()
            fields.value(argument, quoted=part.quoted)

    def _value(self, name: str) -> str | None:
        state = self._state
        special: dict[str, Callable[[], str | None]] = {
            "?": lambda: str(state.status),
            "$": lambda: str(state.pid),
            "!": lambda: str(state.last_job) if state.last_job else None,
            "#": lambda: str(len(state.arguments)),
            "-": lambda: "".join(sorted(state.options)),
            "0": lambda: state.name,
            "@": lambda: " ".join(state.arguments) if state.arguments else None,
            "*": lambda: " ".join(state.arguments) if state.arguments else None,
        }
        if name in special:
            return special[name]()
        if name.isdecimal():
            index = int(name)
            return state.arguments[index - 1] if index <= len(state.arguments) else None
        return state.get(name)

    def _checked(self, name: str, value: str | None) -> str:
        if value is None and "u" in self._state.options and name not in "@*!":
            raise ShellProblem(f"{name}: parameter not set")
        return value or ""

    def _trimmed(self, value: str, operator: str, word: Word) -> str:
        pattern = patterns.expression(self.pieces(word))
        lengths = range(len(value) + 1)
        if operator in ("%", "%%"):
            starts = reversed(lengths) if operator == "%" else lengths
            return next((value[:start] for start in starts if pattern.fullmatch(value, start)), value)
        ends = lengths if operator == "#" else reversed(lengths)
        return next((value[end:] for end in ends if pattern.fullmatch(value, 0, end)), value)


class _Fields:
    """The fields of a word as they grow.

    Args:
        ifs: what unquoted values are split at; empty for no splitting.
    """

    def __init__(self, ifs: str) -> None:
        self._ifs = ifs
        self._blanks = "".join(character for character in ifs if character in _DEFAULT_IFS)
        self._done: list[list[Piece]] = []
        self._now: list[Piece] | None = None

    def literal(self, text: str, *, quoted: bool) -> None:
        """Text of the script itself: never split."""
        if text or quoted:
            self._now = [*(self._now or []), (text, quoted)]

    def value(self, text: str, *, quoted: bool) -> None:
        """The value of something: split unless it is quoted."""
        if quoted or not self._ifs:
            self.literal(text, quoted=quoted)
            return
        piece = ""
        at = 0
        while at < len(text):
            character = text[at]
            if character not in self._ifs:
                piece += character
                at += 1
                continue
            hard = False
            end = at
            # Blanks around one other separator belong to it.
            while end < len(text) and text[end] in self._ifs and (text[end] in self._blanks or not hard):
                hard = hard or text[end] not in self._blanks
                end += 1
            self.literal(piece, quoted=False)
            piece = ""
            if hard and self._now is None:
                self._now = []
            self.cut()
            at = end
        self.literal(piece, quoted=False)

    def cut(self) -> None:
        """The field ends here."""
        if self._now is not None:
            self._done.append(self._now)
            self._now = None

    def finish(self) -> list[list[Piece]]:
        """All fields."""
        self.cut()
        return self._done
