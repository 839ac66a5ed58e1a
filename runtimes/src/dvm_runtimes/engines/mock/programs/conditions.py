"""``test`` and ``[``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock.nodes import Node
from dvm_runtimes.engines.mock.tree import EXECUTE, READ, WRITE, permits

from .usage import fail

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_KINDS = {"f": "file", "d": "folder", "L": "link", "h": "link", "S": "socket", "p": "fifo", "c": "device"}
_RIGHTS = {"r": READ, "w": WRITE, "x": EXECUTE}


class _Wrong(Exception):
    pass


def test(process: Process, argv: list[str]) -> int:
    """``test EXPRESSION`` and ``[ EXPRESSION ]``."""
    words = argv[1:]
    if argv[0].rpartition("/")[2] == "[":
        if words[-1:] != ["]"]:
            return fail(process, argv, "missing ]", 2)
        words = words[:-1]
    try:
        return 0 if _Test(process, words).whole() else 1
    except _Wrong as wrong:
        return fail(process, argv, str(wrong), 2)


class _Test:
    def __init__(self, process: Process, words: list[str]) -> None:
        self._process = process
        self._words = words

    def whole(self) -> bool:
        words = self._words
        # POSIX decides by the number of words, so that a word that looks like an operator may be a value.
        if not words:
            return False
        if len(words) == 1:
            return words[0] != ""
        if len(words) == 2 and words[0] == "!":
            return words[1] == ""
        if len(words) == 3 and self._is_binary(words[1]):
            return self._binary(*words)
        value = self._or()
        if self._words:
            raise _Wrong(f"{self._words[0]}: unexpected operator")
        return value

    def _or(self) -> bool:
        value = self._and()
        while self._words[:1] == ["-o"]:
            self._words = self._words[1:]
            right = self._and()
            value = value or right
        return value

    def _and(self) -> bool:
        value = self._not()
        while self._words[:1] == ["-a"]:
            self._words = self._words[1:]
            right = self._not()
            value = value and right
        return value

    def _not(self) -> bool:
        words = self._words
        if not words:
            raise _Wrong("argument expected")
        if len(words) >= 3 and self._is_binary(words[1]):
            self._words = words[3:]
            return self._binary(*words[:3])
        if words[0] == "!":
            self._words = words[1:]
            return not self._not()
        if words[0] == "(":
            self._words = words[1:]
            value = self._or()
            if self._words[:1] != [")"]:
                raise _Wrong("closing paren expected")
            self._words = self._words[1:]
            return value
        if len(words) >= 2 and len(words[0]) == 2 and words[0][0] == "-":
            self._words = words[2:]
            return self._unary(words[0][1], words[1])
        self._words = words[1:]
        return words[0] != ""

    def _is_binary(self, word: str) -> bool:
        return word in ("=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef")

    def _binary(self, left: str, operator: str, right: str) -> bool:
        if operator in ("=", "=="):
            return left == right
        if operator == "!=":
            return left != right
        if operator in ("<", ">"):
            return left < right if operator == "<" else left > right
        if operator in ("-nt", "-ot", "-ef"):
            return self._compare_files(left, operator, right)
        a, b = self._number(left), self._number(right)
        return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]

    def _compare_files(self, left: str, operator: str, right: str) -> bool:
        first, second = self._node(left), self._node(right)
        if operator == "-ef":
            return first is not None and first is second
        a = first.status().mtime if first is not None else 0.0
        b = second.status().mtime if second is not None else 0.0
        return a > b if operator == "-nt" else a < b

    def _number(self, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise _Wrong(f"{text}: bad number") from None

    def _unary(self, letter: str, word: str) -> bool:
        if letter == "z":
            return word == ""
        if letter == "n":
            return word != ""
        if letter == "t":
            number = self._number(word)
            return number in self._process.files and self._process.file(number).terminal is not None
        if letter not in "efdLhSpcsrwxO":
            raise _Wrong(f"-{letter}: unknown operand")
        node = self._node(word, follow=letter not in "Lh")
        if node is None:
            return False
        found = node.status()
        if letter in _KINDS:
            return found.kind == _KINDS[letter]
        if letter in _RIGHTS:
            return permits(node, self._process.who, _RIGHTS[letter])
        if letter == "s":
            return found.size > 0
        return found.uid == self._process.who.uid if letter == "O" else True

    def _node(self, path: str, *, follow: bool = True) -> Node | None:
        try:
            return self._process.tree.find(path, self._process.cwd, self._process.who, follow=follow).node
        except OSError:
            return None
