"""Programs that write text, and ``test``."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from dvm_runtimes.engines.mock.nodes import Node
from dvm_runtimes.engines.mock.tree import EXECUTE, READ, WRITE, permits

from . import UsageError, fail

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_ESCAPE = re.compile(rb"\\(?:0?([0-7]{1,3})|x([0-9a-fA-F]{1,2})|([abefnrtv\\]))")
_CONTROL = dict(zip(b"abefnrtv\\", b"\a\b\x1b\f\n\r\t\v\\", strict=True))
_DIRECTIVE = re.compile(rb"%([-+ #0]*[0-9]*(?:\.[0-9]+)?)([a-zA-Z%])")
_KINDS = {"f": "file", "d": "folder", "L": "link", "h": "link", "S": "socket", "p": "fifo", "c": "device"}
_RIGHTS = {"r": READ, "w": WRITE, "x": EXECUTE}
_COMPARISONS = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}


def echo(process: Process, argv: list[str]) -> int:
    """``echo [-n] [-e] words``."""
    words = argv[1:]
    flags = ""
    while words and re.fullmatch("-[ne]+", words[0]):
        flags += words.pop(0)
    data = " ".join(words).encode(errors="surrogateescape")
    process.write(1, (_unescaped(data) if "e" in flags else data) + (b"" if "n" in flags else b"\n"))
    return 0


def _unescaped(data: bytes) -> bytes:
    """``data`` with its backslash escapes replaced."""

    def replace(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, letter = match.groups()
        if letter:
            return bytes([_CONTROL[letter[0]]])
        return bytes([int(octal, 8) & 0xFF if octal else int(hexadecimal, 16)])

    return _ESCAPE.sub(replace, data)


def printf(process: Process, argv: list[str]) -> int:
    """``printf FORMAT [arguments]``, with %s %b %c %d %i %u %o %x %X; used again while there are arguments."""
    if len(argv) < 2:
        raise UsageError("usage: printf FORMAT [ARGUMENT...]")
    form, *arguments = [word.encode(errors="surrogateescape") for word in argv[1:]]
    written = b""
    problems: list[str] = []

    def directive(match: re.Match[bytes]) -> bytes:
        spec, kind = match.groups()
        if kind == b"%":
            return b"%"
        argument = arguments.pop(0) if arguments else b""
        if kind in b"sbc":
            text = {b"s": argument, b"b": _unescaped(argument), b"c": argument[:1]}[kind]
            return (b"%" + spec + b"s") % text
        if kind not in b"diuoxX":
            raise UsageError(f"%{kind.decode()}: invalid format")
        try:
            number = int(argument or b"0", 0)
        except ValueError:
            number = 0
            problems.append(f"{argument.decode(errors='replace')}: invalid number")
        return (b"%" + spec + (kind if kind in b"oxX" else b"d")) % number

    while True:
        before = len(arguments)
        at = 0
        for match in _DIRECTIVE.finditer(form):
            written += _unescaped(form[at : match.start()]) + directive(match)
            at = match.end()
        written += _unescaped(form[at:])
        if not arguments or len(arguments) == before:
            break
    process.write(1, written)
    for problem in problems:
        fail(process, argv, problem)
    return 1 if problems else 0


def seq(process: Process, argv: list[str]) -> int:
    """``seq [FIRST [STEP]] LAST``, in whole numbers."""
    try:
        numbers = [int(word) for word in argv[1:]]
        first = numbers[0] if len(numbers) > 1 else 1
        step = numbers[1] if len(numbers) == 3 else 1
        lines = range(first, numbers[-1] + (1 if step > 0 else -1), step)
    except (ValueError, IndexError):
        raise UsageError("usage: seq [FIRST [STEP]] LAST") from None
    for at in range(0, len(lines), 4096):
        process.put("".join(f"{number}\n" for number in lines[at : at + 4096]))
    return 0


def test(process: Process, argv: list[str]) -> int:
    """``test EXPRESSION`` and ``[ EXPRESSION ]``: one or two operands, ``!``, ``-a`` and ``-o``."""
    words = argv[1:]
    if argv[0].rpartition("/")[2] == "[" and (not words or words.pop() != "]"):
        return fail(process, argv, "missing ]", 2)
    try:
        return 0 if _holds(process, words) else 1
    except UsageError as error:
        return fail(process, argv, str(error), 2)


def _holds(process: Process, words: list[str]) -> bool:
    if len(words) == 3 and (words[1] in ("=", "==", "!=") or words[1] in _COMPARISONS):
        return _compare(*words)
    for joining in ("-o", "-a"):
        if len(words) > 2 and joining in words:
            at = words.index(joining)
            left, right = _holds(process, words[:at]), _holds(process, words[at + 1 :])
            return left or right if joining == "-o" else left and right
    if len(words) > 1 and words[0] == "!":
        return not _holds(process, words[1:])
    if len(words) == 2:
        return _unary(process, *words)
    if len(words) > 2:
        raise UsageError(f"{words[1]}: unexpected operator")
    return words not in ([], [""])


def _compare(left: str, operation: str, right: str) -> bool:
    if operation not in _COMPARISONS:
        return (left == right) == (operation != "!=")
    return bool(_COMPARISONS[operation](_number(left), _number(right)))


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{text}: bad number") from None


def _unary(process: Process, operation: str, word: str) -> bool:
    letter = operation[1:] if operation.startswith("-") else ""
    if letter in ("z", "n"):
        return (word == "") == (letter == "z")
    if letter == "t":
        number = _number(word)
        return number in process.files and process.file(number).terminal is not None
    if letter not in {"e", "s", *_KINDS, *_RIGHTS}:
        raise UsageError(f"{operation}: unknown operand")
    try:
        node: Node | None = process.tree.find(word, process.cwd, process.who, follow=letter not in "Lh").node
    except OSError:
        node = None
    if node is None or letter == "e":
        return node is not None
    if letter in _RIGHTS:
        return permits(node, process.who, _RIGHTS[letter])
    return node.status().size > 0 if letter == "s" else node.status().kind == _KINDS[letter]
