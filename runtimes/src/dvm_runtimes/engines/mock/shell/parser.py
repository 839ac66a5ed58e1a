"""From tokens to a script: the grammar of POSIX, XCU 2.10."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .grammar import (
    AndOr,
    Background,
    Case,
    Command,
    For,
    Function,
    HereDocument,
    HereRedirect,
    If,
    Loop,
    Node,
    Pipeline,
    Redirect,
    Redirected,
    Script,
    Subshell,
    Text,
    Word,
)
from .lexer import Incomplete, Lexer, SyntaxProblem, Token

_RESERVED = {"if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "{", "}", "!"}
_REDIRECTS = {"<", ">", ">>", ">|", "<>", "<&", ">&", "<<", "<<-"}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(text: str) -> Iterator[Script]:
    """The commands of ``text``, line by line: what comes before a mistake is given before it is raised.

    Raises:
        Incomplete: it ends in the middle of something.
        SyntaxProblem: it is not a script.
    """
    return _Parser(Lexer(text, _substituted)).lines()


def parse_text(text: str) -> Word:
    """``text`` as a word in which parameters and substitutions stand, but no quotes, as in a prompt."""
    return Lexer(text, _substituted).document_text()


def _substituted(lexer: Lexer) -> Script:
    parser = _Parser(lexer)
    script = parser.script()
    if parser.token.kind == "end":
        raise Incomplete("')' is missing")
    if parser.token.text != ")" or parser.token.kind != "operator":
        raise parser.unexpected()
    return script


class _Parser:
    def __init__(self, lexer: Lexer) -> None:
        self.lexer = lexer
        self.token = lexer.next()

    # Tokens

    def _advance(self) -> Token:
        token = self.token
        self.token = self.lexer.next()
        return token

    def unexpected(self) -> SyntaxProblem:
        """The error for the token that is next."""
        if self.token.kind == "end":
            return Incomplete("unexpected end of file")
        shown = "newline" if self.token.kind == "newline" else self.token.text
        return SyntaxProblem(f'syntax error: unexpected "{shown}"')

    def _is(self, *operators: str) -> bool:
        return self.token.kind == "operator" and self.token.text in operators

    def _is_reserved(self, *words: str) -> bool:
        token = self.token
        return token.kind == "word" and token.text in words and token.word == (Text(token.text),)

    def _expect(self, *words: str) -> None:
        if not self._is_reserved(*words):
            raise self.unexpected()
        self._advance()

    def _newlines(self) -> None:
        while self.token.kind == "newline":
            self._advance()

    # Lists

    def lines(self) -> Iterator[Script]:
        """What each line holds, until the end."""
        while True:
            self._newlines()
            if self.token.kind == "end":
                return
            commands: list[Node] = []
            while self.token.kind not in ("newline", "end"):
                commands.append(self._item())
            yield Script(tuple(commands))

    def _item(self) -> Node:
        command = self._and_or()
        if self._is("&"):
            command = Background(command)
        if self._is("&", ";"):
            self._advance()
        elif self.token.kind not in ("newline", "end") and not self._is(")", ";;"):
            raise self.unexpected()
        return command

    def script(self, *ends: str) -> Script:
        """Commands up to one of the reserved words ``ends``, a closing parenthesis, ``;;`` or the end."""
        commands: list[Node] = []
        while True:
            self._newlines()
            if self.token.kind == "end" or self._is(")", ";;") or self._is_reserved(*ends):
                return Script(tuple(commands))
            commands.append(self._item())

    def _body(self, *ends: str) -> Script:
        script = self.script(*ends)
        if not script.commands:
            raise self.unexpected()
        return script

    def _and_or(self) -> Node:
        left = self._pipeline()
        while self._is("&&", "||"):
            operator = self._advance().text
            self._newlines()
            left = AndOr(left, operator, self._pipeline())
        return left

    def _pipeline(self) -> Node:
        negated = False
        while self._is_reserved("!"):
            self._advance()
            negated = not negated
        commands = [self._command()]
        while self._is("|"):
            self._advance()
            self._newlines()
            commands.append(self._command())
        if len(commands) == 1 and not negated:
            return commands[0]
        return Pipeline(tuple(commands), negated)

    # Commands

    def _command(self) -> Node:
        compound = self._compound()
        if compound is None:
            return self._simple()
        redirects = []
        while self._is(*_REDIRECTS):
            redirects.append(self._redirect())
        return Redirected(compound, tuple(redirects)) if redirects else compound

    def _compound(self) -> Node | None:
        if self._is("("):
            self._advance()
            body = self._body()
            if not self._is(")"):
                raise self.unexpected()
            self._advance()
            return Subshell(body)
        readers: dict[str, Callable[[], Node]] = {
            "{": self._group,
            "if": self._if,
            "while": self._loop,
            "until": self._loop,
            "for": self._for,
            "case": self._case,
        }
        if self.token.kind == "word" and self._is_reserved(*_RESERVED):
            reader = readers.get(self.token.text)
            if reader is None:
                raise self.unexpected()
            return reader()
        return None

    def _group(self) -> Node:
        self._advance()
        body = self._body("}")
        self._expect("}")
        return body

    def _if(self) -> Node:
        branches = []
        otherwise = None
        self._advance()
        while True:
            condition = self._body("then")
            self._expect("then")
            branches.append((condition, self._body("elif", "else", "fi")))
            if self._is_reserved("elif"):
                self._advance()
                continue
            if self._is_reserved("else"):
                self._advance()
                otherwise = self._body("fi")
            self._expect("fi")
            return If(tuple(branches), otherwise)

    def _loop(self) -> Node:
        until = self._advance().text == "until"
        condition = self._body("do")
        return Loop(condition, self._do(), until)

    def _do(self) -> Script:
        self._expect("do")
        body = self._body("done")
        self._expect("done")
        return body

    def _for(self) -> Node:
        self._advance()
        if self.token.kind != "word" or not _NAME.fullmatch(self.token.text):
            raise self.unexpected()
        name = self._advance().text
        self._newlines()
        words: list[Word] | None = None
        if self._is_reserved("in"):
            self._advance()
            words = []
            while self.token.kind == "word":
                words.append(self._advance().word)
            if not (self._is(";") or self.token.kind == "newline"):
                raise self.unexpected()
        if self._is(";"):
            self._advance()
        self._newlines()
        return For(name, None if words is None else tuple(words), self._do())

    def _case(self) -> Node:
        self._advance()
        if self.token.kind != "word":
            raise self.unexpected()
        word = self._advance().word
        self._newlines()
        self._expect("in")
        self._newlines()
        branches = []
        while not self._is_reserved("esac"):
            if self._is("("):
                self._advance()
            patterns = []
            while True:
                if self.token.kind != "word":
                    raise self.unexpected()
                patterns.append(self._advance().word)
                if not self._is("|"):
                    break
                self._advance()
            if not self._is(")"):
                raise self.unexpected()
            self._advance()
            branches.append((tuple(patterns), self.script("esac")))
            if self._is(";;"):
                self._advance()
                self._newlines()
            elif not self._is_reserved("esac"):
                raise self.unexpected()
        self._advance()
        return Case(word, tuple(branches))

    def _simple(self) -> Node:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect | HereRedirect] = []
        while True:
            if self._is(*_REDIRECTS):
                redirects.append(self._redirect())
            elif self.token.kind == "word":
                assigned = None if words else _assignment(self.token.word)
                if assigned is not None:
                    assignments.append(assigned)
                else:
                    words.append(self.token.word)
                name = self._advance().text
                if self._is("(") and len(words) == 1 and not assignments and not redirects and _NAME.fullmatch(name):
                    return self._function(name)
            else:
                break
        if not (assignments or words or redirects):
            raise self.unexpected()
        return Command(tuple(assignments), tuple(words), tuple(redirects))

    def _function(self, name: str) -> Node:
        self._advance()
        if not self._is(")"):
            raise self.unexpected()
        self._advance()
        self._newlines()
        body = self._compound()
        if body is None:
            raise self.unexpected()
        return Function(name, body)

    def _redirect(self) -> Redirect | HereRedirect:
        operator, number = self.token.text, self.token.number
        if number < 0:
            number = 0 if operator.startswith("<") else 1
        if operator in ("<<", "<<-"):
            return self._here_document(operator, number)
        self._advance()
        if self.token.kind != "word":
            raise self.unexpected()
        return Redirect(number, operator, self._advance().word)

    def _here_document(self, operator: str, number: int) -> HereRedirect:
        # The delimiter's token is read by hand: the text may begin right after
        # the newline behind it, so the lexer has to know before it goes there.
        self.token = self.lexer.next()
        if self.token.kind != "word":
            raise self.unexpected()
        parts = self.token.word
        delimiter = "".join(part.text for part in parts if isinstance(part, Text))
        literal = any(part.quoted for part in parts)
        document = HereDocument(delimiter, literal, strip_tabs=operator == "<<-")
        self.lexer.expect_document(document)
        self._advance()
        return HereRedirect(number, document)


def _assignment(word: Word) -> tuple[str, Word] | None:
    first = word[0] if word else None
    if not isinstance(first, Text) or first.quoted:
        return None
    found = _ASSIGNMENT.match(first.text)
    if not found:
        return None
    rest = first.text[found.end() :]
    return found.group()[:-1], ((Text(rest), *word[1:]) if rest else word[1:])
