"""``$((...))``: whole numbers of 64 bits, with C's operators."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|[0-9]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator><<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%<>=!~&|^?:()]))"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", "<=", ">", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)


class ArithmeticProblem(Exception):
    """The expression has no value."""


def evaluate(text: str, get: Callable[[str], str], assign: Callable[[str, str], None]) -> int:
    """The value of an expression; an empty one is 0.

    Raises:
        ArithmeticProblem: not an expression, or a division by zero.
    """
    evaluator = _Evaluator(text, get, assign)
    return evaluator.whole()


def _wrapped(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


class _Evaluator:
    def __init__(self, text: str, get: Callable[[str], str], assign: Callable[[str, str], None]) -> None:
        self._text = text
        self._get = get
        self._assign = assign
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found or found.lastgroup is None:
                raise self._problem()
            self._tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()

    def _problem(self) -> ArithmeticProblem:
        return ArithmeticProblem(f"arithmetic syntax error in {self._text.strip()!r}")

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _accept(self, *operators: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at] in [("operator", one) for one in operators]:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def whole(self) -> int:
        if not self._tokens:
            return 0
        value = self._assignment(live=True)
        if self._at < len(self._tokens):
            raise self._problem()
        return value

    # ``live`` is False where C would not evaluate: behind 0 && and 1 ||, and in the other arm of ?:.

    def _assignment(self, *, live: bool) -> int:
        if self._at + 1 < len(self._tokens) and self._tokens[self._at][0] == "name":
            name, operator = self._tokens[self._at][1], self._tokens[self._at + 1][1]
            if operator == "=" or (
                operator.endswith("=") and operator[:-1] in _BINARY and operator not in _COMPARISONS
            ):
                self._at += 2
                value = self._assignment(live=live)
                if operator != "=":
                    value = self._apply(operator[:-1], self._variable(name), value, live=live)
                if live:
                    self._assign(name, str(value))
                return value
        return self._ternary(live=live)

    def _ternary(self, *, live: bool) -> int:
        condition = self._binary(0, live=live)
        if not self._accept("?"):
            return condition
        first = self._assignment(live=live and condition != 0)
        if not self._accept(":"):
            raise self._problem()
        second = self._assignment(live=live and condition == 0)
        return first if condition else second

    def _binary(self, level: int, *, live: bool) -> int:
        if level == len(_LEVELS):
            return self._unary(live=live)
        left = self._binary(level + 1, live=live)
        while operator := self._accept(*_LEVELS[level]):
            needed = live and not (operator == "&&" and not left) and not (operator == "||" and left)
            right = self._binary(level + 1, live=needed)
            left = self._apply(operator, left, right, live=needed)
        return left

    def _unary(self, *, live: bool) -> int:
        operator = self._accept("-", "+", "!", "~")
        if operator:
            value = self._unary(live=live)
            return _wrapped({"-": -value, "+": value, "!": int(not value), "~": ~value}[operator])
        if self._accept("("):
            value = self._assignment(live=live)
            if not self._accept(")"):
                raise self._problem()
            return value
        if self._at >= len(self._tokens):
            raise self._problem()
        kind, text = self._tokens[self._at]
        if kind == "operator":
            raise self._problem()
        self._at += 1
        return _number(text) if kind == "number" else self._variable(text)

    def _variable(self, name: str) -> int:
        text = self._get(name).strip()
        if not text:
            return 0
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
        if not re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", digits):
            raise ArithmeticProblem(f"{name} is not a number: {text!r}")
        return sign * _number(digits)

    def _apply(self, operator: str, left: int, right: int, *, live: bool) -> int:
        if operator in ("/", "%") and right == 0:
            if live:
                raise ArithmeticProblem("divide by zero")
            return 0
        return _wrapped(_BINARY[operator](left, right))


def _number(text: str) -> int:
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    try:
        return int(text, 8) if text.startswith("0") else int(text)
    except ValueError:
        raise ArithmeticProblem(f"not a number: {text!r}") from None


def _divide(left: int, right: int) -> int:
    # C rounds towards zero, Python towards minus infinity.
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_COMPARISONS = ("==", "!=", "<=", ">=")
_BINARY: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a or b)),
    "&&": lambda a, b: int(bool(a and b)),
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "&": lambda a, b: a & b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "<<": lambda a, b: a << (b & 63),
    ">>": lambda a, b: a >> (b & 63),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
}
