"""From characters to words and operators; ``$(...)`` inside a word is parsed on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .grammar import Arithmetic, HereDocument, Parameter, Part, Script, Substitution, Text, Word

OPERATORS = ("<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "|", "&", ";", "<", ">", "(", ")")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "@*#?$!-0123456789"
_PARAMETER_OPERATORS = (":-", ":=", ":+", ":?", "%%", "##", "-", "=", "+", "?", "%", "#")
_BLANKS = " \t"
_ENDS_WORD = set(" \t\n|&;<>()")


class SyntaxProblem(Exception):
    """The script is not one."""


class Incomplete(SyntaxProblem):
    """The script ends too early: more lines may complete it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or an operator, a newline or the end.

    Attributes:
        kind: ``word``, ``operator``, ``newline`` or ``end``.
        text: the operator; for a word, what was written.
        word: the word's parts.
        number: the descriptor written right before a redirection; -1 for none.
    """

    kind: str
    text: str
    word: Word = ()
    number: int = -1


class Lexer:
    """Reads tokens from ``text``.

    Args:
        text: the script.
        parse: parses the script of a substitution up to its closing parenthesis.
    """

    def __init__(self, text: str, parse: Callable[[Lexer], Script]) -> None:
        # A backslash before a newline joins lines, but in single quotes and
        # comments, which the readers of those see to.
        self.text = text
        self.at = 0
        self._parse = parse
        self._documents: list[HereDocument] = []

    def expect_document(self, document: HereDocument) -> None:
        """The text of ``document`` comes after the next newline."""
        self._documents.append(document)

    def next(self) -> Token:
        """The next token."""
        self._skip()
        text, at = self.text, self.at
        if at >= len(text):
            if self._documents:
                raise Incomplete("a here-document has no end")
            return Token("end", "end of file")
        if text[at] == "\n":
            self.at += 1
            self._read_documents()
            return Token("newline", "\n")
        number = re.compile(r"[0-9]+(?=[<>])").match(text, at)
        if number:
            self.at = number.end()
            return Token("operator", self._operator(), number=int(number.group()))
        if text[at] in "|&;<>()":
            return Token("operator", self._operator())
        word = self.word(_ENDS_WORD)
        return Token("word", text[at : self.at], word)

    def _skip(self) -> None:
        text = self.text
        while self.at < len(text):
            if text[self.at] in _BLANKS:
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif text[self.at] == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            else:
                return

    def _operator(self) -> str:
        for operator in OPERATORS:
            if self.text.startswith(operator, self.at):
                self.at += len(operator)
                return operator
        raise SyntaxProblem(f"unexpected {self.text[self.at]!r}")

    # Words

    def word(self, ends: set[str]) -> Word:
        """A word, up to an unquoted character of ``ends``."""
        parts: list[Part] = []
        text = self.text
        while self.at < len(text) and text[self.at] not in ends:
            character = text[self.at]
            if character == "'":
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise Incomplete("unterminated quoted string")
                _add(parts, Text(text[self.at + 1 : end], quoted=True))
                self.at = end + 1
            elif character == '"':
                self.at += 1
                _add(parts, Text("", quoted=True))
                self._double_quoted(parts, '"')
            elif character == "\\":
                self._backslash(parts)
            elif character in "$`":
                parts.append(self._dollar(quoted=False))
            else:
                _add(parts, Text(character))
                self.at += 1
        return tuple(parts)

    def _backslash(self, parts: list[Part]) -> None:
        follows = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if follows == "":
            self.at -= 1
            if self.text.endswith("\\"):
                raise Incomplete("a line ends in a backslash")
        elif follows != "\n":
            _add(parts, Text(follows, quoted=True))

    def _double_quoted(self, parts: list[Part], end: str) -> None:
        text = self.text
        while True:
            if self.at >= len(text):
                if end:
                    raise Incomplete("unterminated quoted string")
                return
            character = text[self.at]
            if character == end:
                self.at += 1
                return
            if character == "\\" and text[self.at + 1 : self.at + 2] in tuple('$`"\\\n'):
                if text[self.at + 1] != "\n":
                    _add(parts, Text(text[self.at + 1], quoted=True))
                self.at += 2
            elif character in "$`":
                parts.append(self._dollar(quoted=True))
            else:
                _add(parts, Text(character, quoted=True))
                self.at += 1

    def document_text(self) -> Word:
        """The rest as the text of a here-document: as in double quotes, but quotes are plain characters."""
        parts: list[Part] = []
        self._double_quoted(parts, "")
        return tuple(parts)

    # What begins with a dollar

    def _dollar(self, *, quoted: bool) -> Part:
        text = self.text
        if text[self.at] == "`":
            return self._backquoted(quoted=quoted)
        follows = text[self.at + 1 : self.at + 2]
        if text.startswith("$((", self.at):
            found = self._arithmetic(quoted=quoted)
            if found is not None:
                return found
        if follows == "(":
            self.at += 2
            return Substitution(self._parse(self), quoted)
        if follows == "{":
            self.at += 2
            return self._braced(quoted=quoted)
        name = _NAME.match(text, self.at + 1)
        if name:
            self.at = name.end()
            return Parameter(name.group(), quoted=quoted)
        if follows and follows in _SPECIAL:
            self.at += 2
            return Parameter(follows, quoted=quoted)
        self.at += 1
        return Text("$", quoted=quoted)

    def _backquoted(self, *, quoted: bool) -> Part:
        inner = []
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != "`":
            follows = self.text[self.at + 1 : self.at + 2]
            if self.text[self.at] == "\\" and (follows in tuple("$`\\") or (quoted and follows == '"')):
                self.at += 1
            inner.append(self.text[self.at])
            self.at += 1
        if self.at >= len(self.text):
            raise Incomplete("a backquote is missing")
        self.at += 1
        return Substitution(self._parse(Lexer("".join(inner) + "\n)", self._parse)), quoted)

    def _arithmetic(self, *, quoted: bool) -> Part | None:
        start, depth = self.at, 0
        for index in range(self.at + 3, len(self.text)):
            character = self.text[index]
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0:
                if self.text[index + 1 : index + 2] != ")":
                    break  # $((...) ...): a substitution that begins with a subshell
                self.at = index + 2
                inner = Lexer(self.text[start + 3 : index], self._parse)
                return Arithmetic(inner.document_text(), quoted)
        else:
            raise Incomplete("'))' is missing")
        return None

    def _braced(self, *, quoted: bool) -> Part:
        text = self.text
        if text.startswith("#", self.at) and text[self.at + 1 : self.at + 2] not in ("}", ""):
            self.at += 1
            name = self._parameter_name()
            self._closing_brace()
            return Parameter(name, "length", quoted=quoted)
        name = self._parameter_name()
        for operator in _PARAMETER_OPERATORS:
            if text.startswith(operator, self.at):
                self.at += len(operator)
                word = self._quoted_until_brace() if quoted else self.word({"}"})
                self._closing_brace()
                return Parameter(name, operator, word, quoted)
        self._closing_brace()
        return Parameter(name, quoted=quoted)

    def _parameter_name(self) -> str:
        found = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]").match(self.text, self.at)
        if not found:
            if self.at >= len(self.text):
                raise Incomplete("'}' is missing")
            raise SyntaxProblem("bad substitution")
        self.at = found.end()
        return found.group()

    def _quoted_until_brace(self) -> Word:
        # In double quotes, the word behind the operator is double-quoted too.
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] != "}":
            character = self.text[self.at]
            if character == '"':
                self.at += 1
                self._double_quoted(parts, '"')
            elif character == "\\" and self.text[self.at + 1 : self.at + 2] in tuple('$`"\\}'):
                _add(parts, Text(self.text[self.at + 1], quoted=True))
                self.at += 2
            elif character in "$`":
                parts.append(self._dollar(quoted=True))
            else:
                _add(parts, Text(character, quoted=True))
                self.at += 1
        return tuple(parts)

    def _closing_brace(self) -> None:
        if self.at >= len(self.text):
            raise Incomplete("'}' is missing")
        if self.text[self.at] != "}":
            raise SyntaxProblem("bad substitution")
        self.at += 1

    # Here-documents

    def _read_documents(self) -> None:
        documents, self._documents = self._documents, []
        for document in documents:
            lines = []
            while True:
                if self.at >= len(self.text):
                    self._documents = documents
                    raise Incomplete("a here-document has no end")
                end = self.text.find("\n", self.at)
                line = self.text[self.at :] if end < 0 else self.text[self.at : end]
                self.at = len(self.text) if end < 0 else end + 1
                if document.strip_tabs:
                    line = line.lstrip("\t")
                if line == document.delimiter:
                    break
                lines.append(line + "\n")
            body = "".join(lines)
            document.text = (Text(body, quoted=True),) if document.literal else Lexer(body, self._parse).document_text()


def _add(parts: list[Part], text: Text) -> None:
    last = parts[-1] if parts else None
    if isinstance(last, Text) and last.quoted == text.quoted:
        parts[-1] = Text(last.text + text.text, text.quoted)
    else:
        parts.append(text)
