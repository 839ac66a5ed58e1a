"""From the text of a script to its commands, by recursive descent."""

from __future__ import annotations

import re

from dvm_runtimes.engines.mock.launching import SCRIPT_IT

from . import syntax
from .syntax import IncompleteError, Node, Part, Redirect, Script, ShellError, Word

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!]")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_BLANK = re.compile(r"(?:[ \t]|\\\n)*(?:#[^\n]*)?")
_OPERATOR = re.compile(r"(?P<number>[0-9]*)(?P<redirect><<|>>|[<>]&|>\||[<>])|(?P<control>&&|\|\||;;|[|&;()\n])")
_VALUE_OPERATOR = re.compile(r":?[-+=?]")
_OPENING = ("{", "if", "while", "until", "for", "case")
_RESERVED = frozenset(
    ["if", "then", "else", "elif", "fi", "do", "done", "while", "until", "for", "{", "}", "!", "in", "case", "esac"]
)

# Of each place where a part of a word may stand: a run of plain characters, and the character that ends it.
_PLAIN = {
    "word": (re.compile(r"[^\s|&;<>()'\"\\$`]+"), ""),
    "brace": (re.compile(r"[^'\"\\$`}]+"), "}"),
    "quotes": (re.compile(r'[^"\\$`]+'), '"'),
    "quoted brace": (re.compile(r'[^"\\$`}]+'), "}"),
    "expression": (re.compile(r"[^\\$`]+"), ""),
}


def parse(text: str) -> Script:
    """The commands of a script.

    Raises:
        IncompleteError: it ends in the middle of something.
        ShellError: it is no script, or has what this shell does not know.
    """
    parser = _Parser(text)
    script = parser.script()
    if parser.kind != "end":
        raise parser.unexpected()
    return script


def absent(what: str) -> ShellError:
    """The error for a construct that this shell does not know."""
    return ShellError(f"the mock's shell has no {what}: {SCRIPT_IT}")


class _Parser:
    """A recursive descent; the token that comes next is in ``kind``, ``token``, ``number`` and ``word``."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at
        self.kind = self.token = ""
        self.number = -1
        self.word: Word = ()

    # Tokens

    def _advance(self) -> str:
        """Go to the next token; the text of the one before."""
        before, text = self.token, self.text
        blank = _BLANK.match(text, self.at)
        assert blank is not None
        self.at = blank.end()
        operator = _OPERATOR.match(text, self.at)
        self.word, self.number = (), -1
        if self.at >= len(text):
            self.kind, self.token = "end", "end of file"
        elif operator:
            self.at = operator.end()
            self.kind = "redirect" if operator["redirect"] else "control"
            self.token = operator["redirect"] or operator["control"]
            if self.kind == "redirect":
                self.number = int(operator["number"] or ("0" if self.token.startswith("<") else "1"))
            if operator["redirect"] == "<<":
                raise absent("here-documents")
        else:
            start = self.at
            self.word = self.parts("word")
            self.kind, self.token = "word", text[start : self.at]
        return before

    def unexpected(self) -> ShellError:
        """The error for the token that comes next."""
        if self.kind == "end":
            return IncompleteError("unexpected end of file")
        return ShellError(f'syntax error: unexpected "{self.token if self.token != chr(10) else "newline"}"')

    def is_next(self, *tokens: str) -> bool:
        """Whether one of these control operators comes next."""
        return self.kind == "control" and self.token in tokens

    def _is_reserved(self, *words: str) -> bool:
        return self.kind == "word" and self.token in words and self.token in _RESERVED

    def _expect(self, token: str) -> None:
        if not (self.is_next(token) or self._is_reserved(token)):
            raise self.unexpected()
        self._advance()

    def _newlines(self) -> None:
        while self.is_next("\n"):
            self._advance()

    # Lists

    def script(self, *ends: str) -> Script:
        """Commands up to one of the reserved words ``ends``, a closing parenthesis or the end."""
        if not self.kind:
            self._advance()
        commands: list[Node] = []
        while True:
            self._newlines()
            if self.kind == "end" or self.is_next(")", ";;") or self._is_reserved(*ends):
                return Script(tuple(commands))
            command = self._and_or()
            commands.append(syntax.Background(command) if self.is_next("&") else command)
            if self.is_next("&", ";", "\n"):
                self._advance()
            elif self.kind != "end" and not self.is_next(")", ";;"):
                raise self.unexpected()

    def _body(self, *ends: str) -> Script:
        script = self.script(*ends)
        if not script.commands:
            raise self.unexpected()
        return script

    def _and_or(self) -> Node:
        left = self._pipeline()
        while self.is_next("&&", "||"):
            operator = self._advance()
            self._newlines()
            left = syntax.AndOr(left, operator, self._pipeline())
        return left

    def _pipeline(self) -> Node:
        negated = self._is_reserved("!")
        if negated:
            self._advance()
        commands = [self._command()]
        while self.is_next("|"):
            self._advance()
            self._newlines()
            commands.append(self._command())
        return syntax.Pipeline(tuple(commands), negated) if negated or len(commands) > 1 else commands[0]

    # Commands

    def _command(self) -> Node:
        if self.kind == "redirect" or (self.kind == "word" and not self._is_reserved(*_RESERVED)):
            return self._simple()
        opening = self._advance() if self.is_next("(") or self._is_reserved(*_OPENING) else ""
        body: Node
        if opening == "(":
            body = self._body()
            self._expect(")")
        elif opening == "{":
            body = self._body("}")
            self._expect("}")
        elif opening == "if":
            body = self._if()
        elif opening in ("while", "until"):
            body = syntax.Loop(self._body("do"), self._do(), opening == "until")
        elif opening == "for":
            body = self._for()
        elif opening == "case":
            body = self._case()
        else:
            raise self.unexpected()
        redirects = []
        while self.kind == "redirect":
            redirects.append(self._redirect())
        return syntax.Group(body, tuple(redirects), opening == "(")

    def _if(self) -> Node:
        branches = []
        opening = "if"
        while opening in ("if", "elif"):
            condition = self._body("then")
            self._expect("then")
            branches.append((condition, self._body("elif", "else", "fi")))
            if not self._is_reserved("elif", "else", "fi"):
                raise self.unexpected()
            opening = self._advance()
        otherwise = Script()
        if opening == "else":
            otherwise = self._body("fi")
            self._expect("fi")
        return syntax.If(tuple(branches), otherwise)

    def _do(self) -> Script:
        self._expect("do")
        body = self._body("done")
        self._expect("done")
        return body

    def _for(self) -> Node:
        if not _NAME.fullmatch(self.token):
            raise self.unexpected()
        name = self._advance()
        self._newlines()
        words: list[Word] | None = None
        if self._is_reserved("in"):
            self._advance()
            words = []
            while self.kind == "word":
                words.append(self.word)
                self._advance()
            if not self.is_next(";", "\n"):
                raise self.unexpected()
        if self.is_next(";"):
            self._advance()
        self._newlines()
        return syntax.For(name, None if words is None else tuple(words), self._do())

    def _case(self) -> Node:
        if self.kind != "word":
            raise self.unexpected()
        word = self.word
        self._advance()
        self._newlines()
        self._expect("in")
        self._newlines()
        branches = []
        while not self._is_reserved("esac"):
            if self.is_next("("):
                self._advance()
            patterns = []
            while self.kind == "word":
                patterns.append(self.word)
                self._advance()
                if self.is_next("|"):
                    self._advance()
            self._expect(")")
            branches.append((tuple(patterns), self.script("esac")))
            if not self._is_reserved("esac"):
                self._expect(";;")
            self._newlines()
        self._advance()
        return syntax.Case(word, tuple(branches))

    def _simple(self) -> Node:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while self.kind in ("word", "redirect"):
            if self.kind == "redirect":
                redirects.append(self._redirect())
                continue
            assigned = None if words else _ASSIGNMENT.match(self.token)
            if assigned:
                first = Part("text", self.word[0].text[assigned.end() :])
                assignments.append((assigned[1], (first, *self.word[1:])))
            else:
                words.append(self.word)
            self._advance()
            if self.is_next("(") and len(words) == 1:
                raise absent("functions")
        return syntax.Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _redirect(self) -> Redirect:
        number, operator = self.number, self._advance().replace(">|", ">")
        if self.kind != "word":
            raise self.unexpected()
        target = self.word
        self._advance()
        return Redirect(number, operator, target)

    # Words

    def parts(self, place: str) -> Word:
        """The parts of a word, up to the end of ``place``, which is not skipped."""
        plain, end = _PLAIN[place]
        quoted = place in ("quotes", "quoted brace")
        parts: list[Part] = []
        text = self.text
        while True:
            if run := plain.match(text, self.at):
                parts.append(Part("text", run.group(), quoted))
                self.at = run.end()
            character = text[self.at : self.at + 1]
            if character == "" and end:
                raise IncompleteError(f"{end} is missing")
            if character == "" or character == end or (place == "word" and character in " \t\n|&;<>()"):
                return tuple(parts)
            if character == "\\":
                parts += self._escaped(quoted=quoted)
            elif character in "$`":
                parts.append(self._dollar(quoted=quoted))
            elif character == "'":
                close = text.find("'", self.at + 1)
                if close < 0:
                    raise IncompleteError("' is missing")
                parts.append(Part("text", text[self.at + 1 : close], quoted=True))
                self.at = close + 1
            else:
                self.at += 1
                # An empty pair of quotes is an empty word; quotes around "$@" are not.
                parts += self.parts("quotes") or [Part("text", quoted=True)] if place != "quoted brace" else []
                self.at += place != "quoted brace"

    def _escaped(self, *, quoted: bool) -> list[Part]:
        follows = self.text[self.at + 1 : self.at + 2]
        if not follows:
            raise IncompleteError("a backslash ends the script")
        kept = "\\" if quoted and follows not in '$`"\\\n}' else ""
        self.at += 2
        return [] if follows == "\n" else [Part("text", kept + follows, quoted=True)]

    def _dollar(self, *, quoted: bool) -> Part:
        text = self.text
        if text[self.at] == "`":
            return self._backquoted(quoted=quoted)
        self.at += 1
        if text.startswith("((", self.at):
            return self._arithmetic(quoted=quoted)
        if text.startswith("(", self.at):
            inner = _Parser(text, self.at + 1)
            script = inner.script()
            if not inner.is_next(")"):
                raise inner.unexpected()
            self.at = inner.at
            return Part("command", quoted=quoted, script=script)
        braced = text.startswith("{", self.at)
        self.at += braced
        name = _PARAMETER.match(text, self.at)
        if name is None and not braced:
            return Part("text", "$", quoted)
        # Without braces only one digit belongs to the name.
        self.at = name.end() if name and (braced or not name.group().isdecimal()) else self.at + 1
        if not braced:
            return Part("parameter", text[name.start() : self.at] if name else "", quoted)
        if name is None:
            raise ShellError("bad substitution")
        operator = _VALUE_OPERATOR.match(text, self.at)
        word: Word = ()
        if operator:
            self.at = operator.end()
            word = self.parts("quoted brace" if quoted else "brace")
        if self.at >= len(text):
            raise IncompleteError("} is missing")
        if text[self.at] != "}":
            raise absent(f"${{{name.group()}{text[self.at]}...}}" if name.group() != "#" else "${#NAME}")
        self.at += 1
        return Part("parameter", name.group(), quoted, operator.group() if operator else "", word)

    def _backquoted(self, *, quoted: bool) -> Part:
        close = re.compile(r"((?:[^`\\]|\\.)*)`", re.DOTALL).match(self.text, self.at + 1)
        if close is None:
            raise IncompleteError("` is missing")
        self.at = close.end()
        return Part("command", quoted=quoted, script=parse(re.sub(r"\\([$`\\])", r"\1", close[1])))

    def _arithmetic(self, *, quoted: bool) -> Part:
        depth, start = 0, self.at + 2
        for at in range(self.at, len(self.text)):
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            if depth == 0:
                self.at = at + 1
                return Part("arithmetic", quoted=quoted, word=_Parser(self.text[start : at - 1]).parts("expression"))
        raise IncompleteError(")) is missing")
